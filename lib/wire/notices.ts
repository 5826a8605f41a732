import * as z from "zod/mini";
import { HOST, ID, notice } from "./schemas.ts";

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

const attempt = z.extend(notice, {
  run: z.string().check(z.regex(ID)),
  shard: z.int(),
  fence: z.int(),
});

/** What a runner was told, with the attempt that it runs. */
export type AttemptNotice = z.infer<typeof attempt>;

export const attemptNotice = (id: string, time: string, detail: AttemptNotice): Envelope<AttemptNotice> =>
  envelope(id, time, "Lastbeat Attempt Notice", detail);

const continued = z.strictObject({
  notice: z.looseObject({
    host: z.string().check(z.regex(HOST)),
    evidence: z.looseObject({ id: z.string(), source: z.string(), kind: z.string(), at: z.number() }),
  }),
  olderThan: z.number(),
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
]);

/** A message that only we send; undefined for every other event. */
export function ownMessage(event: unknown): z.infer<typeof ours> | undefined {
  const read = ours.safeParse(event);
  return read.success ? read.data : undefined;
}
