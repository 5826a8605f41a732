import * as z from "zod/mini";
import { HOST, ID } from "./ids.ts";
import { target } from "./targets.ts";
import { onItem, words } from "./texts.ts";

export { beat } from "./beat.ts";

/** Label keys, as Kubernetes has them: `app.kubernetes.io/name`. */
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;

/** A longer lease would show a dead run as running for hours. A shorter one could not carry three beats. */
const LEASE_SECONDS = { least: 5, most: 3600 };
/** A year. A longer time is a mistake in the unit. */
const MOST_SECONDS = 365 * 24 * 3600;
/** More charges of a kind than this are a loop. Each charge is one letter on the run item. */
const MOST_CHARGES = 50;
/** Bytes in JSON. 256 KiB is the bound of an SQS message, and a person reads at most 4 KiB of last lines. */
const MESSAGE_BYTES = 4096;

const seconds = (least: number, most: number) => z.number().check(z.minimum(least), z.maximum(most));
const charges = () => z.int().check(z.minimum(0), z.maximum(MOST_CHARGES));
const short = () => z.string().check(z.minLength(1), z.maxLength(256));
const reason = () => z.exactOptional(onItem());

// `register` says in the schema of the OpenAPI document what a check says in code.

export const spec = z.strictObject({
  start: z.exactOptional(z.enum(["self", "dispatch"])),
  leaseSeconds: z.exactOptional(seconds(LEASE_SECONDS.least, LEASE_SECONDS.most)),
  startWithinSeconds: z.exactOptional(seconds(1, MOST_SECONDS)),
  attemptDeadlineSeconds: z.exactOptional(seconds(1, MOST_SECONDS)),
  deadlineSeconds: z.exactOptional(seconds(1, MOST_SECONDS)),
  budgets: z.exactOptional(
    z
      .strictObject({
        attempts: z.exactOptional(z.int().check(z.minimum(1), z.maximum(MOST_CHARGES))),
        crashes: z.exactOptional(charges()),
        memory: z.exactOptional(charges()),
        interruptions: z.exactOptional(charges()),
        losses: z.exactOptional(charges()),
        starts: z.exactOptional(charges()),
      })
      .check(
        z.refine((budgets) => budgets.attempts === undefined || Object.keys(budgets).length === 1, {
          error: "is either attempts, one budget for all, or a budget per kind",
        }),
      )
      .register(z.globalRegistry, {
        oneOf: [{ required: ["attempts"], maxProperties: 1 }, { not: { required: ["attempts"] } }],
      }),
  ),
  backoff: z.exactOptional(
    z.strictObject({ baseSeconds: z.exactOptional(seconds(0, 86400)), maxSeconds: z.exactOptional(seconds(0, 86400)) }),
  ),
  onNotice: z.exactOptional(z.enum(["handover", "drain", "ignore"])),
  onCutOff: z.exactOptional(z.enum(["stop", "continue"])),
  onDemandLast: z.exactOptional(charges()),
  target: z.exactOptional(target),
  labels: z.exactOptional(
    z
      .record(z.string().check(z.regex(LABEL)), z.string().check(z.maxLength(256)))
      .check(z.refine((labels) => Object.keys(labels).length <= 20, { error: "has more than 20 entries" }))
      .register(z.globalRegistry, { maxProperties: 20 }),
  ),
});

/** RFC 3339 sets no bound on the digits of a second. 40 letters hold 19 of them. */
const instant = () =>
  z.iso
    .datetime({ error: "is not an RFC 3339 instant in UTC" })
    .check(z.maxLength(40, { error: "is longer than 40 letters" }));

export const drain = z.strictObject({ deadlineSeconds: z.exactOptional(seconds(0, 86400)), reason: reason() });

export const notice = z.strictObject({
  kind: z.enum(["sigterm", "spot", "rebalance"]),
  at: instant(),
  deadline: z.exactOptional(instant()),
});

/** The name of a fact about a holder. */
const FACT = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

export const claim = z.strictObject({
  holder: z
    .catchall(
      z.object({
        id: z.string().check(z.regex(/^[0-9a-f]{32}$/, { error: "is not 32 hex digits" })),
        host: z.exactOptional(z.string().check(z.regex(HOST, { error: "is not a host name" }))),
      }),
      short(),
    )
    .check(
      z.refine((holder) => Object.keys(holder).length <= 12, { error: "has more than 12 entries" }),
      z.refine((holder) => Object.keys(holder).every((key) => FACT.test(key)), {
        error: "has a name that is not 1 to 32 letters, digits, - and _",
      }),
    )
    .register(z.globalRegistry, { maxProperties: 12, propertyNames: { pattern: FACT.source } }),
});

export const finish = z.strictObject({
  outcome: z.enum(["succeeded", "failed", "interrupted", "canceled"]),
  exitCode: z.exactOptional(z.int().check(z.minimum(0), z.maximum(255))),
  signal: z.exactOptional(z.string().check(z.regex(/^SIG[A-Z0-9]{1,10}$/, { error: "is not the name of a signal" }))),
  message: z.exactOptional(words(4 * MESSAGE_BYTES, MESSAGE_BYTES)),
  reason: reason(),
  memoryLimitBytes: z.exactOptional(z.int().check(z.minimum(1))),
});

export const cancel = z.strictObject({ reason: reason() });

export const requeue = z.strictObject({ reason: reason(), attempt: z.exactOptional(z.int().check(z.minimum(1))) });

export type SpecBody = z.infer<typeof spec>;

/** The query of a list. All its values are text. */
export const listing = z.strictObject({
  state: z.exactOptional(z.enum(["live", "ended"])),
  limit: z.exactOptional(
    z.string().check(z.regex(/^([1-9]|[1-9]\d|[1-4]\d\d|500)$/, { error: "is not a number from 1 to 500" })),
  ),
  since: z.exactOptional(instant()),
  cursor: z.exactOptional(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,300}$/, { error: "is not a cursor" }))),
});

/** A cursor that the list of live runs gives out: `<shard>.<run>`. */
export function isLiveCursor(text: string): boolean {
  const run = /^\d{1,4}\.(?<run>.*)$/.exec(text)?.groups?.["run"];
  return run === "" || (run !== undefined && ID.test(run));
}

/** A cursor that the list of ended runs gives out: `<instant>#<run>`. */
export function isEndedCursor(text: string): boolean {
  const [instant = "", run = ""] = text.split("#");
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(instant) && !Number.isNaN(Date.parse(instant));
  return isInstant && (run === "" || ID.test(run)) && text.split("#").length === 2;
}
