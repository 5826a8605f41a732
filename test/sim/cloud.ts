import { memoryHosts } from "../../lib/adapters/memory/hosts.ts";
import { memoryControl, memoryNotices, memoryOddities, memoryRequeues } from "../../lib/adapters/memory/plumbing.ts";
import { memoryEndedRuns, memoryLedger, memoryResults, memorySpecs } from "../../lib/adapters/memory/records.ts";
import { memoryRuns } from "../../lib/adapters/memory/runs.ts";
import type { App } from "../../lib/app/app.ts";
import { RETENTION } from "../../lib/app/retention.ts";
import { type Instant, instant, type Span } from "../../lib/core/time.ts";
import type { Standing } from "../../lib/ports/control.ts";
import type { Machines } from "../../lib/ports/machines.ts";
import type { RequeueMessage } from "../../lib/ports/queues.ts";
import type { Sighting } from "../../lib/ports/runs.ts";
import type { Key } from "../../lib/ports/runtime.ts";
import { Laws } from "./laws.ts";
import type { Process, World } from "./world.ts";

const READS = new Set(["read", "list", "page", "evidence", "entries", "shards", "standing", "frontDoor", "ending"]);

/**
 * These are written once or twice in the life of a run. They are often late here, or no schedule would ever see two of
 * them meet.
 */
const RARE = new Set(["ledger.end", "result.write", "ended.add"]);

/** A call to the table or to a queue that failed. */
export class Away extends Error {}

const keyNamed = (id: string): Key => ({ id, secret: Buffer.alloc(32, id) });

/** The memory adapters, shared by all processes. The laws are checked at every write to them. */
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
  /** Until when the table, or the queue of requeues, is away. Until then every call to it fails. */
  tableAwayUntil: Instant | undefined;
  queueAwayUntil: Instant | undefined;
  /** Runs whose changes can no longer be written, and runs whose messages can no longer be sent. */
  readonly unwritable = new Set<string>();
  readonly unsendable = new Set<string>();
  /** How long records are kept, and whether a runner's evidence counts for its host. */
  retention: Span = RETENTION;
  trustRunners = false;
  /** The newest first. */
  keys: readonly [Key, ...Key[]] = [keyNamed("k1")];
  private readonly world: World;
  private readonly older = new Map<string, Sighting>();
  private stood: Standing | undefined;

  constructor(world: World) {
    this.world = world;
    this.laws = new Laws(world, this);
  }

  /**
   * The ports of one process. Each call is a step of the world. Each write may be retried, land late, or never be
   * answered.
   */
  appFor(process: Process): App {
    const { world } = this;
    return {
      retention: this.retention,
      trustRunners: this.trustRunners,
      clock: { now: (): Instant => instant(world.now + process.skew) },
      dice: { roll: () => world.dice.roll() },
      keys: { all: async () => this.keys },
      log: { write: ({ decision }) => world.count(`decision ${decision}`) },
      runs: this.gated(process, "run", this.laws.watch(this.runs, process)),
      specs: this.gated(process, "spec", this.laws.watchSpecs(this.specs)),
      ledger: this.gated(process, "ledger", this.laws.watchLedger(this.ledger)),
      results: this.gated(process, "result", this.laws.watchResults(this.results)),
      endedRuns: this.gated(process, "ended", this.endedRuns),
      hosts: this.gated(process, "host", this.hosts),
      control: this.gated(process, "control", this.control),
      requeues: this.gated(process, "queue", this.laws.watchQueue(this.requeues, process)),
      notices: this.gated(process, "notice", this.notices),
      oddities: this.gated(process, "oddity", this.oddities),
    };
  }

  /** The machines, as a sweep asks about them. */
  machinesFor(process: Process, machines: Machines): Machines {
    return this.gated(process, "machines", machines);
  }

  /** New credentials are signed with a new key; the one before is still accepted. */
  rotateKeys(): void {
    this.keys = [keyNamed(`k${this.keys.length + 1}`), this.keys[0]];
  }

  /**
   * Whether the run cannot be written, or its messages cannot be sent. Whatever becomes of it is then nobody's fault.
   */
  isBroken(run: string): boolean {
    return this.unwritable.has(run) || this.unsendable.has(run);
  }

  private gated<T extends object>(process: Process, port: string, adapter: T): T {
    const gate =
      (name: string, call: (...args: unknown[]) => Promise<unknown>) =>
      (...args: unknown[]): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const act = (): void => {
            if (this.fails(`${port}.${name}`, args)) reject(new Away(`${port}.${name}`));
            else this.perform(process, `${port}.${name}`, () => call(...args), READS.has(name), resolve, reject);
          };
          this.world.step(process, `${port}.${name}`, act);
        });
    return Object.fromEntries(
      Object.entries(adapter).map(([name, value]) => [name, typeof value === "function" ? gate(name, value) : value]),
    ) as T;
  }

  /** Whether the call fails in any case, because what it calls is away, or broken for good. */
  private fails(name: string, args: readonly unknown[]): boolean {
    const { world } = this;
    const isQueue = name === "queue.send";
    const until = isQueue ? this.queueAwayUntil : this.tableAwayUntil;
    if (until !== undefined && until > world.now) {
      world.count(isQueue ? "call to a queue that was away" : "call to a table that was away");
      return true;
    }
    const [first] = args as [({ readonly run?: string } & Partial<RequeueMessage>) | undefined];
    const isBroken = isQueue
      ? this.unsendable.has(first?.id?.split(".")[0] ?? "")
      : name === "run.replace" && this.unwritable.has(first?.run ?? "");
    if (isBroken) world.count(isQueue ? "message that can never be sent" : "run that can never be written");
    return isBroken;
  }

  /**
   * A write goes through an SDK that tries twice. The first try may have been done, or be done much later, or both have
   * failed.
   */
  private perform(
    process: Process,
    name: string,
    call: () => Promise<unknown>,
    isRead: boolean,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    const { world } = this;
    if (world.isChaotic && world.dice.chance(0.004)) {
      const isDone = !isRead && world.dice.chance(0.5);
      world.count(isDone ? "call that failed and was done" : "call that failed");
      if (isDone) void call();
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
      world.at(instant(world.now + world.dice.between(1, process.limit)), () => void call());
    }
    call().then((value) => resolve(this.asRead(name, value)), reject);
  }

  /** An eventually consistent read may bring an older state. */
  private asRead(name: string, value: unknown): unknown {
    if (name === "run.page") return this.outdated(value);
    if (name !== "control.standing") return value;
    const last = this.stood;
    this.stood = value as Standing;
    const isOld = last !== undefined && this.world.isChaotic && this.world.dice.chance(0.1);
    if (isOld) this.world.count("outdated control item");
    // The number of shards is excepted: it rises long before a run is in a new shard.
    return isOld ? { ...last, shards: (value as Standing).shards } : value;
  }

  /** An eventually consistent page: some of what it shows is older. */
  private outdated(page: unknown): unknown {
    const { sightings, ...rest } = page as { sightings: Sighting[] };
    return {
      sightings: sightings.map((sighting) => {
        const name = `${sighting.shard}/${sighting.run}`;
        const before = this.older.get(name);
        this.older.set(name, sighting);
        return before !== undefined && this.world.isChaotic && this.world.dice.chance(0.1) ? before : sighting;
      }),
      ...rest,
    };
  }
}
