import * as z from "zod/mini";
import { EVIDENCE_KINDS, type Evidence, type Notice, RUNNER } from "../core/evidence.ts";
import { asFence, type Fence } from "../core/run.ts";
import { type Instant, instant } from "../core/time.ts";
import { HOST, ID } from "./ids.ts";
import { fromIso } from "./instants.ts";
import { notice } from "./schemas.ts";

/** Our own messages in the notice queue, in the form of EventBridge's events. */
const SOURCE = "lastbeat";

export type RunnerNotice = z.infer<typeof notice>;

type Envelope<T> = {
  readonly id: string;
  readonly time: string;
  readonly source: typeof SOURCE;
  readonly "detail-type": string;
  readonly detail: T;
};

const envelope = <T>(id: string, time: string, type: string, detail: T): Envelope<T> => ({
  id,
  time,
  source: SOURCE,
  "detail-type": type,
  detail,
});

export type HostDrain = { readonly host: string; readonly deadline?: string; readonly reason?: string };

export const hostDrain = (id: string, time: string, detail: HostDrain): Envelope<HostDrain> =>
  envelope(id, time, "Lastbeat Host Drain", detail);

const host = () => z.string().check(z.regex(HOST));

const attempt = z.extend(notice, {
  run: z.string().check(z.regex(ID)),
  shard: z.int(),
  fence: z.int(),
  /** The host that it was on when it told this. */
  host: z.exactOptional(host()),
});

/** What a runner was told, with its attempt. */
export type AttemptNotice = z.infer<typeof attempt>;

const KINDS = { sigterm: "sigterm", spot: "spot-interruption", rebalance: "rebalance" } as const;

/** What a runner was told, as evidence about its attempt. */
export const runnersWord = (id: string, { kind, at, deadline }: RunnerNotice): Evidence => ({
  id,
  source: RUNNER,
  kind: KINDS[kind],
  at: fromIso(at),
  ...(deadline !== undefined && { deadline: fromIso(deadline) }),
});

export const attemptNotice = (id: string, time: string, detail: AttemptNotice): Envelope<AttemptNotice> =>
  envelope(id, time, "Lastbeat Attempt Notice", detail);

/** Milliseconds, up to the largest that a date can be. */
const moment = () => z.int().check(z.minimum(0), z.maximum(8.64e15));
const printable = () => z.string().check(z.regex(/^[\x20-\x7e]{1,128}$/));

const evidence = z.strictObject({
  id: printable(),
  source: printable(),
  kind: z.enum(EVIDENCE_KINDS),
  at: moment(),
  saidAt: z.exactOptional(moment()),
  deadline: z.exactOptional(moment()),
  goneAt: z.exactOptional(moment()),
  drill: z.exactOptional(z.literal(true)),
  withdrawn: z.exactOptional(z.literal(true)),
  note: z.exactOptional(z.string()),
});

const continued = z.strictObject({
  notice: z.strictObject({
    host: host(),
    evidence,
    deadline: z.exactOptional(moment()), // version 0.1.0 sent it here
  }),
  seenUpTo: z.strictObject({ run: z.string().check(z.regex(ID)), fence: z.int(), at: moment() }),
});

const shared = z.strictObject({ evidence, hosts: z.array(host()) });

/** The same evidence about some of the hosts of an event that names many. */
export const noticeShared = (evidence: Evidence, hosts: readonly string[]): object => ({
  source: SOURCE,
  "detail-type": "Lastbeat Notice Shared",
  detail: { evidence, hosts },
});

/** Reads a shared notice. */
export const sharedOf = ({
  evidence,
  hosts,
}: z.infer<typeof shared>): { evidence: Evidence; hosts: readonly string[] } => ({
  evidence: evidenceOf(evidence),
  hosts,
});

function evidenceOf({ at, saidAt, goneAt, deadline, ...rest }: z.infer<typeof evidence>): Evidence {
  return {
    ...rest,
    at: instant(at),
    ...(saidAt !== undefined && { saidAt: instant(saidAt) }),
    ...(deadline !== undefined && { deadline: instant(deadline) }),
    ...(goneAt !== undefined && { goneAt: instant(goneAt) }),
  };
}

/** The remaining entries of a host, as a further message. */
export const noticeContinued = (
  notice: Notice,
  { run, fence, at }: { run: string; fence: Fence; at: Instant },
): object => ({
  source: SOURCE,
  "detail-type": "Lastbeat Notice Continued",
  detail: { notice, seenUpTo: { run, fence, at } },
});

/** Reads a continued notice. */
export const continuedOf = ({
  notice: { host, evidence, deadline },
  seenUpTo,
}: z.infer<typeof continued>): { notice: Notice; seenUpTo: { run: string; fence: Fence; at: Instant } } => ({
  notice: { host, evidence: evidenceOf({ ...(deadline !== undefined && { deadline }), ...evidence }) },
  seenUpTo: { run: seenUpTo.run, fence: asFence(seenUpTo.fence), at: instant(seenUpTo.at) },
});

const ours = z.discriminatedUnion("detail-type", [
  z.looseObject({
    source: z.literal(SOURCE),
    "detail-type": z.literal("Lastbeat Attempt Notice"),
    id: z.string(),
    detail: attempt,
  }),
  z.looseObject({
    source: z.literal(SOURCE),
    "detail-type": z.literal("Lastbeat Notice Continued"),
    detail: continued,
  }),
  z.looseObject({
    source: z.literal(SOURCE),
    "detail-type": z.literal("Lastbeat Notice Shared"),
    detail: shared,
  }),
]);

/** A message that only we send; undefined for every other event. */
export function ownMessage(event: unknown): z.infer<typeof ours> | undefined {
  const read = ours.safeParse(event);
  return read.success ? read.data : undefined;
}
