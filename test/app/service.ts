import { memoryHosts } from "../../lib/adapters/memory/hosts.ts";
import { memoryControl, memoryNotices, memoryOddities, memoryRequeues } from "../../lib/adapters/memory/plumbing.ts";
import { memoryEndedRuns, memoryLedger, memoryResults, memorySpecs } from "../../lib/adapters/memory/records.ts";
import { memoryRuns } from "../../lib/adapters/memory/runs.ts";
import type { App } from "../../lib/app/app.ts";
import { claim, type Holder } from "../../lib/app/claim.ts";
import { register } from "../../lib/app/register.ts";
import { RETENTION } from "../../lib/app/retention.ts";
import { sweep } from "../../lib/app/sweep.ts";
import { DEFAULTS, type Spec } from "../../lib/core/spec.ts";
import { after, type Instant, instant, type Span, seconds } from "../../lib/core/time.ts";
import type { Key, LogLine } from "../../lib/ports/runtime.ts";
import { type Claims, parseBearer } from "../../lib/wire/credentials.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";

/** 12:00:00 UTC on the 22nd of November 2026, a Sunday. */
export const NOON = instant(Date.parse("2026-11-22T12:00:00.000Z"));

const key = (id: string, byte: number): Key => ({ id, secret: Buffer.alloc(32, byte) });
export const OLD_KEY = key("old", 1);
export const NEW_KEY = key("new", 2);

/** Lastbeat in memory, on a clock that only the test moves. */
export type Service = App & {
  readonly logged: LogLine[];
  readonly runs: ReturnType<typeof memoryRuns>;
  readonly hosts: ReturnType<typeof memoryHosts>;
  readonly requeues: ReturnType<typeof memoryRequeues>;
  readonly notices: ReturnType<typeof memoryNotices>;
  readonly oddities: ReturnType<typeof memoryOddities>;
  now(): Instant;
  pass(span: Span): void;
  useKeys(newest: Key, ...older: Key[]): void;
  /** A sweep that runs, however short ago the last one was; others have run as usual meanwhile. */
  swept(): Promise<void>;
  messages(): RequeueEvent[];
};

export function service(changed: Partial<App> = {}): Service {
  let time = NOON;
  let keys: readonly [Key, ...Key[]] = [OLD_KEY];
  const logged: LogLine[] = [];
  const runs = memoryRuns();
  const requeues = memoryRequeues();
  const notices = memoryNotices();
  const oddities = memoryOddities();
  const app: Service = {
    retention: RETENTION,
    clock: { now: () => time },
    dice: { roll: () => 0.5 },
    keys: { all: async () => keys },
    log: { write: (line) => logged.push(line) },
    specs: memorySpecs(),
    ledger: memoryLedger(),
    results: memoryResults(),
    endedRuns: memoryEndedRuns(),
    control: memoryControl(),
    ...changed,
    hosts: memoryHosts(),
    runs,
    requeues,
    notices,
    oddities,
    logged,
    now: () => time,
    pass: (span) => {
      time = after(time, span);
    },
    useKeys: (newest, ...older) => {
      keys = [newest, ...older];
    },
    swept: async () => {
      time = after(time, seconds(10));
      await sweep(app, { period: seconds(10), until: after(time, seconds(50)), previous: time });
    },
    messages: () => requeues.sent.map(({ body }) => JSON.parse(body) as RequeueEvent),
  };
  return app;
}

/** A spec with no backoff, so that what follows an end is seen at once. */
export const specWith = (more: Partial<Spec> = {}): Spec => ({
  ...DEFAULTS,
  backoff: { base: seconds(0), max: seconds(0) },
  ...more,
});

/** What a credential of ours says. */
export function claimsOf(credential: string | undefined): Claims {
  const claims = parseBearer(`Bearer ${credential}`)?.claims;
  if (claims === undefined) throw new Error(`${credential} is no credential`);
  return claims;
}

export const holder = (digit: string): { id: string; host: string } => ({ id: digit.repeat(32), host: `i-${digit}` });

/** Registers a run; the claims of its ticket. */
export async function ticketOf(app: App, run: string, spec: Spec = specWith()): Promise<Claims> {
  const made = await register(app, run, spec);
  if (made.kind !== "registered") throw new Error(`${run} is ${made.kind}`);
  return claimsOf(made.ticket);
}

/** Registers and claims a run; the claims of its token. */
export async function tokenOf(
  app: App,
  run: string,
  spec: Spec = specWith(),
  by: Holder = holder("a"),
): Promise<Claims> {
  const { token } = await claim(app, await ticketOf(app, run, spec), by);
  return claimsOf(token);
}
