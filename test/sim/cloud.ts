import type { App } from "../../lib/app/app.ts";
import { RETENTION } from "../../lib/app/retention.ts";
import { type Instant, instant } from "../../lib/core/time.ts";
import { memoryHosts } from "../../lib/memory/hosts.ts";
import { memoryControl, memoryNotices, memoryOddities, memoryRequeues } from "../../lib/memory/plumbing.ts";
import { memoryEndedRuns, memoryLedger, memoryResults, memorySpecs } from "../../lib/memory/records.ts";
import { memoryRuns } from "../../lib/memory/runs.ts";
import type { Sighting } from "../../lib/ports/runs.ts";
import type { Key } from "../../lib/ports/surroundings.ts";
import { Laws } from "./laws.ts";
import { LIMIT, type Process, type World } from "./world.ts";

const READS = new Set(["read", "list", "page", "evidence", "entries", "shards", "standing", "freeze"]);

/** Written once or twice in the life of a run: late ones are made frequent, or no schedule would ever see two meet. */
const RARE = new Set(["ledger.end", "result.write"]);

/** What every call to the table comes to while it is away. */
export class Away extends Error {}

const keyNamed = (id: string): Key => ({ id, secret: Buffer.alloc(32, id) });

/** The memory adapters, shared by all processes, with the laws that hold for every write to them. */
export class Cloud {
  readonly runs = memoryRuns();
  readonly specs = memorySpecs();
  readonly ledger = memoryLedger();
  readonly results = memoryResults();
  readonly endedRuns = memoryEndedRuns();
  readonly hosts = memoryHosts();
  readonly control = memoryControl(1);
  readonly requeues = memoryRequeues();
  readonly notices = memoryNotices();
  readonly oddities = memoryOddities();
  readonly laws: Laws;
  /** The table is away until then: every call to it fails. */
  tableAwayUntil: Instant | undefined;
  /** The newest first. */
  keys: readonly [Key, ...Key[]] = [keyNamed("k1")];
  private readonly world: World;
  private readonly older = new Map<string, Sighting>();

  constructor(world: World) {
    this.world = world;
    this.laws = new Laws(world, this);
  }

  /** The surroundings of one process: each call is a step of the world, each write may be retried, late or answered never. */
  appFor(process: Process): App {
    const { world } = this;
    return {
      retention: RETENTION,
      clock: { now: (): Instant => instant(world.now + process.skew) },
      dice: { roll: () => world.dice.roll() },
      keys: { all: async () => this.keys },
      log: { write: ({ decision }) => world.count(`decision ${decision}`) },
      runs: this.gated(process, "run", this.laws.watch(this.runs)),
      specs: this.gated(process, "spec", this.specs),
      ledger: this.gated(process, "ledger", this.ledger),
      results: this.gated(process, "result", this.results),
      endedRuns: this.gated(process, "ended", this.endedRuns),
      hosts: this.gated(process, "host", this.hosts),
      control: this.gated(process, "control", this.control),
      requeues: this.gated(process, "queue", this.laws.watchQueue(this.requeues)),
      notices: this.gated(process, "notice", this.notices),
      oddities: this.gated(process, "oddity", this.oddities),
    };
  }

  /** New credentials are signed with a new key; the one before is still accepted. */
  rotateKeys(): void {
    this.keys = [keyNamed(`k${this.keys.length + 1}`), this.keys[0]];
  }

  private gated<T extends object>(process: Process, port: string, adapter: T): T {
    const gate =
      (name: string, call: (...args: unknown[]) => Promise<unknown>) =>
      (...args: unknown[]): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const act = (): void =>
            this.perform(process, `${port}.${name}`, () => call(...args), READS.has(name), resolve, reject);
          this.world.step(process, `${port}.${name}`, act);
        });
    return Object.fromEntries(
      Object.entries(adapter).map(([name, value]) => [name, typeof value === "function" ? gate(name, value) : value]),
    ) as T;
  }

  /** A write goes through an SDK that tries twice: the first try may have been done, or be done much later. */
  private perform(
    process: Process,
    name: string,
    call: () => Promise<unknown>,
    isRead: boolean,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    const { world } = this;
    if (this.tableAwayUntil !== undefined && this.tableAwayUntil > world.now) {
      world.count("call to a table that was away");
      reject(new Away(name));
      return;
    }
    const fate = isRead || !world.isChaotic ? 1 : world.dice.roll();
    if (fate < 0.02) {
      world.count("lost reply, retried");
      void call();
      world.step(process, `${name} again`, () => void call().then(resolve, reject));
      return;
    }
    if (fate < (RARE.has(name) ? 0.25 : 0.05)) {
      world.count("late write");
      world.at(instant(world.now + world.dice.between(1, LIMIT)), () => void call());
    }
    call().then((value) => resolve(name === "run.page" ? this.outdated(value) : value), reject);
  }

  /** An eventually consistent page: some of what it shows is what was there before. */
  private outdated(page: unknown): unknown {
    const { sightings, ...rest } = page as { sightings: Sighting[] };
    return {
      sightings: sightings.map((sighting) => {
        const before = this.older.get(sighting.run);
        this.older.set(sighting.run, sighting);
        return before !== undefined && this.world.isChaotic && this.world.dice.chance(0.1) ? before : sighting;
      }),
      ...rest,
    };
  }
}
