import { capacityFor, isLast } from "../core/budgets.ts";
import type { Evidence } from "../core/evidence.ts";
import type { Run } from "../core/run.ts";
import type { Registration, Target } from "../core/spec.ts";
import type { Instant } from "../core/time.ts";
import type { RequeueMessage } from "../ports/queues.ts";
import type { LedgerLine } from "../ports/records.ts";
import { asciiJson } from "./ascii.ts";
import { type BudgetView, budgetsView } from "./budgets.ts";
import { iso } from "./instants.ts";

export type EvidenceView = {
  readonly id: string;
  readonly source: string;
  readonly kind: string;
  readonly at: string;
  /** What its source has seen, or the words of an operator. */
  readonly note?: string;
};

/** The requeue message: a CloudEvent 1.0 in structured JSON. `id` is the same, however often the message is sent. */
export type RequeueEvent = {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: "lastbeat";
  readonly type: "lastbeat.run.requeue.v1";
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: {
    readonly run: string;
    /** Why there is a next attempt; `first` if there was none before. */
    readonly cause: string;
    readonly previous?: {
      readonly attempt: number;
      readonly fence: number;
      readonly holder?: Readonly<Record<string, string>>;
      readonly lastBeatAt?: string;
      readonly detectedAt?: string;
      /** Its agent has reported its end, so its process has ended. */
      readonly reported?: true;
      /** It ran into this limit of its memory, or its host had none left. */
      readonly outOfMemory?: true;
      readonly memoryLimitBytes?: number;
      readonly evidence: readonly EvidenceView[];
    };
    readonly next: {
      readonly attempt: number;
      readonly fence: number;
      readonly ticket: string;
      readonly startBy: string;
      readonly capacity: "any" | "on-demand";
      /** The claim is refused for now, because the old attempt is not proved gone. */
      readonly held: boolean;
      readonly isLast: boolean;
    };
    readonly budgets: BudgetView;
    readonly target: Target;
    readonly labels: Readonly<Record<string, string>>;
  };
};

export const evidenceView = ({ id, source, kind, at, note }: Evidence): EvidenceView => ({
  id,
  source,
  kind,
  at: iso(at),
  ...(note !== undefined && { note }),
});

type Announcement = {
  /** The run as it is, or will be, when the announced attempt is to start. */
  readonly next: Pick<Run, "run" | "attempt" | "fence" | "charges" | "debt">;
  readonly registration: Registration;
  readonly previous: LedgerLine | undefined;
  readonly ticket: string;
  readonly startBy: Instant;
  /** The attempt before still drains, so this is a handover. */
  readonly isHandover: boolean;
};

/** The attempt before: how it ended or, for a handover, that it is leaving. */
function previousOf({ fence, claim, end }: LedgerLine): RequeueEvent["data"]["previous"] {
  const attempt = end?.attempt ?? claim?.attempt;
  if (attempt === undefined) return undefined;
  return {
    attempt,
    fence,
    ...(claim !== undefined && { holder: claim.holder }),
    ...(end?.report !== undefined && { reported: true as const }),
    ...(end?.lastBeatAt !== undefined && { lastBeatAt: iso(end.lastBeatAt) }),
    ...(end !== undefined && { detectedAt: iso(end.endedAt) }),
    ...(end?.cause === "out-of-memory" && { outOfMemory: true as const }),
    ...(end?.report?.memoryLimitBytes !== undefined && { memoryLimitBytes: end.report.memoryLimitBytes }),
    evidence: (end?.evidence ?? []).map(evidenceView),
  };
}

/** The message that announces an attempt. */
export function requeueMessage(announcement: Announcement): RequeueMessage {
  const { next, registration, previous, ticket, startBy, isHandover } = announcement;
  const { run, attempt, fence, charges, debt } = next;
  const { spec } = registration;
  const id = `${run}.${fence}`;
  const before = previous === undefined ? undefined : previousOf(previous);
  const event: RequeueEvent = {
    specversion: "1.0",
    id,
    source: "lastbeat",
    type: "lastbeat.run.requeue.v1",
    subject: `runs/${run}/attempts/${attempt}`,
    time: iso(debt?.since ?? registration.registeredAt),
    datacontenttype: "application/json",
    data: {
      run,
      cause: isHandover ? "interrupted" : (previous?.end?.cause ?? "first"),
      ...(before !== undefined && { previous: before }),
      next: {
        attempt,
        fence,
        ticket,
        startBy: iso(startBy),
        capacity: capacityFor(spec, charges),
        held: isHandover,
        isLast: isLast(spec.budgets, charges),
      },
      budgets: budgetsView(spec.budgets, charges),
      target: spec.target,
      labels: spec.labels,
    },
  };
  return { id, body: asciiJson(event), target: spec.target.kind };
}
