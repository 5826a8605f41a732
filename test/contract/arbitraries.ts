import fc from "fast-check";
import type { Cause } from "../../lib/core/causes.ts";
import type { Evidence } from "../../lib/core/evidence.ts";
import {
  asFence,
  type Debt,
  type Fence,
  type LedgerEnd,
  type Outcome,
  type Progress,
  type Report,
  type Result,
  type Run,
} from "../../lib/core/run.ts";
import type { Registration, Spec } from "../../lib/core/spec.ts";
import { type Instant, instant, milliseconds, type Span } from "../../lib/core/time.ts";
import { isStorable } from "../../lib/wire/bounds.ts";

/** Run ids, with room for the suffix that `unique` gives them. */
export const ids: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,100}$/);

let named = 0;

/** The name with a suffix of its own, so that no two cases meet in one store, not even while a failure is shrunk. */
export function unique(name: string): string {
  named += 1;
  return `${name}-${named}`;
}

const between = (from: string, to: string): fc.Arbitrary<Instant> =>
  fc.integer({ min: Date.parse(from), max: Date.parse(to) }).map(instant);

export const instants: fc.Arbitrary<Instant> = between("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
export const fences: fc.Arbitrary<Fence> = fc.integer({ min: 1, max: 99_999_999_999 }).map(asFence);
const spans: fc.Arbitrary<Span> = fc.integer({ min: 1, max: 365 * 24 * 3_600_000 }).map(milliseconds);
const revs = fc.nat({ max: 999_999_999_999 });
const attempts = fc.integer({ min: 1, max: 500 });
const hosts = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/);
const holders = fc.stringMatching(/^[0-9a-f]{32}$/);
const digests = fc.stringMatching(/^[0-9a-f]{64}$/);
const charges = fc.string({ unit: fc.constantFrom("c", "i", "l", "s", "-", "+"), maxLength: 40 });

/** Any text at all, including the empty one and control characters. */
const texts = fc.string({ unit: "binary", maxLength: 200 });

/** Numbers that the API takes, as JSON has them: there -0 is 0. */
const numbers = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .filter(isStorable)
  .map((value) => value + 0);

/** The fields in `optional` are present or absent. They are never present and undefined. */
const record = <T, O extends object = Record<never, never>>(
  fields: { [K in keyof T]: fc.Arbitrary<T[K]> },
  optional: { [K in keyof O]: fc.Arbitrary<O[K]> },
): fc.Arbitrary<T & Partial<O>> =>
  fc
    .tuple(
      fc.record(fields, { noNullPrototype: true }),
      fc.record(optional, { requiredKeys: [], noNullPrototype: true }),
    )
    .map(([all, some]) => ({ ...all, ...some }) as T & Partial<O>);

export const progress: fc.Arbitrary<Progress> = record({ value: numbers }, { of: numbers, note: texts });

export const evidence: fc.Arbitrary<Evidence> = record(
  {
    id: fc.uuid(),
    source: fc.constantFrom("aws.ec2", "aws.health", "runner", "owner"),
    kind: fc.constantFrom<Evidence["kind"]>(
      "spot-interruption",
      "rebalance",
      "stopping",
      "terminated",
      "scale-in",
      "evicted",
      "capacity-reservation",
      "maintenance",
      "drain",
      "sigterm",
    ),
    at: instants,
  },
  {
    deadline: instants,
    goneAt: instants,
    drill: fc.constant(true as const),
    withdrawn: fc.constant(true as const),
    note: texts,
  },
);

const causes = fc.constantFrom<Cause>(
  "succeeded",
  "interrupted",
  "crashed",
  "stalled",
  "overran",
  "never-started",
  "lost",
  "cut-off",
  "canceled",
  "requeued",
);

const reports: fc.Arbitrary<Report> = record(
  { outcome: fc.constantFrom<Report["outcome"]>("succeeded", "failed", "interrupted") },
  {
    exitCode: fc.integer({ min: 0, max: 255 }),
    signal: fc.constantFrom("SIGTERM", "SIGKILL"),
    message: texts,
    reason: texts,
  },
);

export const ledgerEnds: fc.Arbitrary<LedgerEnd> = record(
  {
    attempt: attempts,
    fence: fences,
    cause: causes,
    endedAt: instants,
    evidence: fc.array(evidence, { maxLength: 3 }),
  },
  {
    claimedAt: instants,
    lastBeatAt: instants,
    gotFurther: fc.constant(true as const),
    holder: holders,
    host: hosts,
    leaveReason: texts,
    reportHash: digests,
    report: reports,
    reportedAt: instants,
  },
);

const debts: fc.Arbitrary<Debt> = record(
  { since: instants },
  { ledger: ledgerEnds, owes: fc.constantFrom<"message" | "handover" | "archive">("message", "handover", "archive") },
);

const live = {
  run: ids,
  shard: fc.nat({ max: 9999 }),
  fence: fences,
  rev: revs,
  attempt: attempts,
  due: instants,
  lease: spans,
  charges,
};
const owing = { debt: debts, furthest: numbers };
const held = { ...live, holder: holders, claimedAt: instants };
const heldPerhaps = {
  ...owing,
  host: hosts,
  isWatched: fc.constant(true as const),
  lastRenewable: instants,
  progress,
  reason: texts,
};
const outcomes = fc.constantFrom<Outcome>("succeeded", "failed", "canceled", "exhausted");
const end = { outcome: outcomes, cause: causes, endedByAttempt: attempts, endedAt: instants };

/** Every state, each with every field that it may have. */
const byState: { readonly [S in Run["state"]]: fc.Arbitrary<Extract<Run, { state: S }>> } = {
  queued: record({ ...live, state: fc.constant("queued" as const) }, owing),
  waiting: record({ ...live, state: fc.constant("waiting" as const) }, owing),
  running: record({ ...held, state: fc.constant("running" as const) }, heldPerhaps),
  leaving: record(
    {
      ...held,
      state: fc.constant("leaving" as const),
      directive: fc.constantFrom<"drain" | "stop">("drain", "stop"),
    },
    { ...heldPerhaps, deadline: instants, isFree: fc.constant(true as const) },
  ),
  canceling: record({ ...held, state: fc.constant("canceling" as const) }, heldPerhaps),
  ended: record({ ...live, ...end, state: fc.constant("ended" as const) }, owing),
};

export const runs: fc.Arbitrary<Run> = fc.oneof(...Object.values(byState));

export const results: fc.Arbitrary<Result> = byState.ended.map(({ state: _, due: __, debt: ___, ...result }) => result);

const specs: fc.Arbitrary<Spec> = record(
  {
    start: fc.constantFrom<Spec["start"]>("self", "dispatch"),
    lease: spans,
    startWithin: spans,
    budgets: fc.oneof(
      fc.record({ attempts }),
      fc.record(
        {
          crashes: fc.nat(100),
          memory: fc.nat(100),
          interruptions: fc.nat(100),
          losses: fc.nat(100),
          starts: fc.nat(100),
        },
        { requiredKeys: ["crashes", "interruptions", "losses", "starts"] },
      ),
    ),
    backoff: fc.record({ base: spans, max: spans }),
    onNotice: fc.constantFrom<Spec["onNotice"]>("handover", "drain", "ignore"),
    onCutOff: fc.constantFrom<Spec["onCutOff"]>("stop", "continue"),
    onDemandLast: fc.nat(100),
    target: fc.constant({ kind: "queue" as const }),
    labels: fc.dictionary(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}$/), texts, { maxKeys: 4 }),
  },
  { attemptDeadline: spans, deadline: spans },
);

export const registrations: fc.Arbitrary<Registration> = fc.record(
  { run: ids, shard: fc.nat({ max: 9999 }), fence: fences, registeredAt: instants, hash: digests, spec: specs },
  { noNullPrototype: true },
);

/** The run under a name of its own. */
export const renamed = (run: Run): Run => ({ ...run, run: unique(run.run) });
