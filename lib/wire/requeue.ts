import { capacityFor, isLast } from "../core/budgets.ts";
import type { Evidence } from "../core/evidence.ts";
import type { Queued } from "../core/run.ts";
import type { Registration } from "../core/spec.ts";
import type { Instant } from "../core/time.ts";
import type { RequeueMessage } from "../ports/queues.ts";
import type { LedgerLine } from "../ports/records.ts";
import { type BudgetView, budgetsView } from "./budgets.ts";
import { iso } from "./instants.ts";

export type EvidenceView = { readonly id: string; readonly source: string; readonly kind: string; readonly at: string };

/** The requeue message: a CloudEvent 1.0 in structured JSON. `id` is the same however often it is sent. */
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
    /** Why there is a next attempt; `first` when there was none before. */
    readonly cause: string;
    readonly previous?: {
      readonly attempt: number;
      readonly fence: number;
      readonly holder?: Readonly<Record<string, string>>;
      readonly lastBeatAt?: string;
      readonly detectedAt?: string;
      readonly evidence: readonly EvidenceView[];
    };
    readonly next: {
      readonly attempt: number;
      readonly fence: number;
      readonly ticket: string;
      readonly startBy: string;
      readonly capacity: "any" | "on-demand";
      /** The claim is refused for now, because the old attempt is not provably gone. */
      readonly held: boolean;
      readonly isLast: boolean;
    };
    readonly budgets: BudgetView;
    readonly target: { readonly kind: string };
    readonly labels: Readonly<Record<string, string>>;
  };
};

export const evidenceView = ({ id, source, kind, at }: Evidence): EvidenceView => ({ id, source, kind, at: iso(at) });

type Announcement = {
  readonly run: Queued;
  readonly registration: Registration;
  readonly previous: LedgerLine | undefined;
  readonly ticket: string;
  readonly startBy: Instant;
};

function previousOf({ fence, claim, end }: LedgerLine): RequeueEvent["data"]["previous"] {
  if (end === undefined) return undefined;
  return {
    attempt: end.attempt,
    fence,
    ...(claim !== undefined && { holder: claim.holder }),
    ...(end.lastBeatAt !== undefined && { lastBeatAt: iso(end.lastBeatAt) }),
    detectedAt: iso(end.endedAt),
    evidence: end.evidence.map(evidenceView),
  };
}

/** The message that announces the current attempt of a queued run. */
export function requeueMessage({ run, registration, previous, ticket, startBy }: Announcement): RequeueMessage {
  const { spec } = registration;
  const id = `${run.run}.${run.fence}`;
  const before = previous === undefined ? undefined : previousOf(previous);
  const event: RequeueEvent = {
    specversion: "1.0",
    id,
    source: "lastbeat",
    type: "lastbeat.run.requeue.v1",
    subject: `runs/${run.run}/attempts/${run.attempt}`,
    time: iso(run.debt?.since ?? registration.registeredAt),
    datacontenttype: "application/json",
    data: {
      run: run.run,
      cause: previous?.end?.cause ?? "first",
      ...(before !== undefined && { previous: before }),
      next: {
        attempt: run.attempt,
        fence: run.fence,
        ticket,
        startBy: iso(startBy),
        capacity: capacityFor(spec, run.charges),
        held: false,
        isLast: isLast(spec.budgets, run.charges),
      },
      budgets: budgetsView(spec.budgets, run.charges),
      target: spec.target,
      labels: spec.labels,
    },
  };
  return { id, body: JSON.stringify(event) };
}
