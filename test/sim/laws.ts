import type { MemoryRuns } from "../../lib/adapters/memory/runs.ts";
import type { Cause } from "../../lib/core/causes.ts";
import type { Renewal } from "../../lib/core/lease.ts";
import {
  type ClaimedRun,
  directiveOf,
  type Ended,
  isClaimed,
  type Result,
  type Run,
  type RunKey,
} from "../../lib/core/run.ts";
import type { Registration } from "../../lib/core/spec.ts";
import { transitions } from "../../lib/core/transitions.ts";
import type { RequeueMessage, Requeues } from "../../lib/ports/queues.ts";
import type { Ledger, Results, Specs } from "../../lib/ports/records.ts";
import type { Runs } from "../../lib/ports/runs.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import type { Cloud } from "./cloud.ts";
import { type Life, Lives } from "./lives.ts";
import { faultOfMessage, fullTime } from "./messages.ts";
import type { Word } from "./news.ts";
import { LIMIT, type Process, SKEW, type World } from "./world.ts";

const RISE = { continue: 0, drain: 1, stop: 2 } as const;
const SWEPT_WITHIN_MS = 30_000;
/**
 * Where few hosts are heard, a verdict on a short lease waits for the canary: two of its minutes, and the time to come
 * back.
 */
const WITNESSED_WITHIN_MS = 150_000;

/** The laws that must hold after every write: the promises of the design. */
export class Laws {
  readonly lives = new Lives();
  readonly moves = new Set<string>();
  private readonly world: World;
  private readonly cloud: Cloud;
  /** Until when an attempt holds its lease, unless it has given the lease up itself. */
  private readonly leases = new Map<string, { run: string; until: number }>();
  private readonly atWork = new Map<string, Map<string, number>>();
  private readonly asleep = new Set<string>();
  /** Since when nothing disturbs any process. */
  calmSince: number | undefined;
  /** Runs whose owner has chosen that an attempt goes on although it is cut off. */
  readonly goesOnWhenCutOff = new Set<string>();
  /** Attempts about whose end somebody else has also told another story. */
  readonly strays = new Set<string>();
  readonly sent = new Set<string>();
  private readonly bornAt = new Map<string, number>();
  /** The evidence that was told of hosts and attempts. */
  readonly words: Word[] = [];

  constructor(world: World, cloud: Cloud) {
    this.world = world;
    this.cloud = cloud;
  }

  /** Watches the registrations as they are made. Each of them begins a life. */
  watchSpecs(specs: Specs): Specs {
    const begun = (write: string, registration: Registration, how: "begin" | "replace"): void => {
      if (write === "written") this.lives[how](registration);
    };
    return {
      ...specs,
      create: async (registration) => {
        const write = await specs.create(registration);
        begun(write, registration, "begin");
        return write;
      },
      replace: async (seen, registration) => {
        const write = await specs.replace(seen, registration);
        begun(write, registration, "replace");
        return write;
      },
    };
  }

  watchResults(results: Results): Results {
    return {
      ...results,
      write: async (result: Result, expiry) => {
        const life = this.lives.of(result.run, result.fence);
        const isNewer = life?.result === undefined || life.result.rev < result.rev;
        if (life !== undefined && isNewer) life.result = result;
        return results.write(result, expiry);
      },
    };
  }

  watchLedger(ledger: Ledger): Ledger {
    return {
      ...ledger,
      end: (run, end, ...rest) => {
        const life = this.lives.of(run, end.fence);
        if (life !== undefined && end.attempt !== end.fence - life.registration.fence + 1)
          this.world.fail("a ledger line is of another attempt than its fence says");
        if (life !== undefined) life.toldAt = this.world.now;
        return ledger.end(run, end, ...rest);
      },
    };
  }

  watch(runs: MemoryRuns, process: Process): Runs {
    const itemOf = runs.look;
    const seen = async <T>(key: RunKey, write: () => Promise<T>, by?: "clock" | "proof"): Promise<T> => {
      const before = itemOf(key);
      const writing = write(); // the memory adapter has written when this returns
      const after = itemOf(key);
      if (before !== after) {
        this.lives.changed(this.world.moment, key.run, after);
        if (before !== undefined && by === "proof") this.proved(before);
        this.written(key, before, after, by === "clock", process);
        if (before !== undefined && after !== undefined) this.meant(before, after, process);
      }
      return writing;
    };
    return {
      read: (key) => runs.read(key),
      create: (run) => seen(run, () => runs.create(run)),
      replace: (old, next, due) =>
        seen(old, () => runs.replace(old, next, due), due === undefined ? undefined : "is" in due ? "clock" : "proof"),
      renew: async (key, renewal) => {
        const before = itemOf(key);
        const result = await seen(key, () => runs.renew(key, renewal));
        if (result.write === "written") this.renewed(before, renewal);
        return result;
      },
      remove: (old) => seen(old, () => runs.remove(old)),
      page: (shard, _, cursor) => runs.page(shard, 1, cursor), // one item a page, so that paging is seen at work
      list: (shard, limit, cursor) => runs.list(shard, limit, cursor),
    };
  }

  watchQueue(queue: Requeues, process: Process): Requeues {
    return {
      send: (message: RequeueMessage) => {
        const event = JSON.parse(message.body) as RequeueEvent;
        this.world.log(`message ${message.id}`);
        const fault = faultOfMessage(event, this.lives, process.bornAt, this.world.now);
        if (fault !== undefined) this.world.fail(fault);
        this.sent.add(message.id);
        return queue.send(message);
      },
    };
  }

  /**
   * A child was started for this attempt. It must be alone, unless an agent that could not stop its own child was
   * paused.
   */
  started(run: string, attempt: number, fence: number, pod: string): void {
    const life = this.lives.of(run, fence);
    const starts = (life?.starts.get(fence as never) ?? 0) + 1;
    life?.starts.set(fence as never, starts);
    if (starts > 1) this.world.fail("an attempt was started twice");
    const others = this.atWork.get(run) ?? new Map<string, number>();
    for (const [other, theirs] of others) {
      if (this.goesOnWhenCutOff.has(run)) this.world.count("overlap that its owner allows");
      else if (this.asleep.has(other)) this.world.count("overlap with the child of a paused agent");
      else this.world.fail(`two children at work: attempt ${theirs} in ${other} and attempt ${attempt} in ${pod}`);
    }
    this.atWork.set(run, others.set(pod, attempt));
  }

  childEnded(run: string, pod: string): void {
    this.atWork.get(run)?.delete(pod);
  }

  paused(pod: string, isPaused: boolean): void {
    if (isPaused) this.asleep.add(pod);
    else this.asleep.delete(pod);
  }

  /** The host is proved gone, so nobody may be at work there. */
  private proved(run: Run): void {
    this.world.count("proof of death");
    for (const [pod, attempt] of this.atWork.get(run.run) ?? [])
      if (attempt === run.attempt && !this.asleep.has(pod) && !this.goesOnWhenCutOff.has(run.run))
        this.world.fail(`proof of death hit ${pod}, which is alive`);
  }

  private renewed(before: Run | undefined, { fence, now, progress }: Renewal): void {
    if (before === undefined) return;
    const life = this.lives.of(before.run, before.fence);
    if (progress !== undefined) {
      const told = life?.progress.get(fence) ?? [];
      life?.progress.set(fence, [...told, { moment: this.world.moment, value: progress.value }]);
    }
    const deadline = life?.registration.spec.attemptDeadline;
    if (isClaimed(before) && deadline !== undefined && before.claimedAt + deadline <= now)
      this.world.fail("a lease was renewed past the attempt's deadline");
    if (before.fence !== fence) this.world.fail("a superseded attempt renewed the lease of another one");
    if (isClaimed(before) && before.lastRenewable !== undefined && before.lastRenewable <= now)
      this.world.fail("a lease was renewed after its last renewable instant");
  }

  /** Evidence moves the attempts on its hosts and the attempt of its runner, and nothing else. */
  private meant(before: Run, after: Run, { about }: Process): void {
    if (about === undefined) return;
    const isAbout = (host: string | undefined, fence: number): boolean =>
      (host !== undefined && about.hosts.includes(host)) ||
      (about.attempt?.run === before.run && about.attempt.fence === fence);
    const hasLeft = before.state === "running" && after.state === "leaving";
    if (isClaimed(before) && (hasLeft || after.fence > before.fence) && !isAbout(before.host, before.fence))
      this.world.fail("a word about one host moved an attempt on another");
    const line = after.debt?.ledger;
    const isMoved = before.charges.length === after.charges.length && before.charges !== after.charges;
    if (isMoved && line !== undefined && !isAbout(line.host, line.fence))
      this.world.fail("a word about one host moved the charge of an attempt on another");
  }

  private written(
    key: RunKey,
    before: Run | undefined,
    after: Run | undefined,
    byClock: boolean,
    process: Process,
  ): void {
    const { world } = this;
    world.log(`  ${key.run} ${brief(before)} -> ${brief(after)}`);
    if (after === undefined) {
      if (before?.state !== "ended" || before.debt !== undefined)
        world.fail("an item was deleted that was not settled");
      const life = before === undefined ? undefined : this.lives.of(before.run, before.fence);
      if (life !== undefined) life.isGone = true;
      return;
    }
    const life = this.lives.of(after.run, after.fence);
    if (life === undefined) {
      world.fail("an item without a registration");
      return;
    }
    const line = after.debt?.ledger;
    if (line !== undefined && line.fence < life.registration.fence)
      world.fail("a life owes a ledger line of another one");
    if (before === undefined || this.lives.of(before.run, before.fence) !== life) {
      this.born(before, after, life);
      return;
    }
    this.moves.add(`${before.state} -> ${after.state}`);
    const isExpired = after.state === "ended" && after.endedAt + this.cloud.retention <= world.now + 2 * SKEW;
    if (isExpired && before.debt !== undefined && after.debt === undefined) life.isCutShort = true;
    this.stepwise(before, after, byClock, life);
    if (before.state === "ended" && outcome(before) !== outcome(after)) this.succeededLate(after, life);
    if (after.fence > before.fence) this.attemptEnded(before, after, byClock, life, process.bornAt);
    if (before.state === "queued" && isClaimed(after)) this.claimed(after, life);
    if (after.state === "running" || after.state === "leaving")
      this.leases.set(`${after.run}.${after.fence}`, { run: after.run, until: after.due });
  }

  /** A new item, where this life had none. */
  private born(before: Run | undefined, after: Run, life: Life): void {
    const { world } = this;
    this.bornAt.set(after.run, world.now);
    const { spec, registeredAt } = life.registration;
    if (after.state === "queued" && after.due < fullTime(spec, registeredAt, world.now))
      world.fail("a registration was completed without its time to start");
    if (after.state === "ended") world.count("put back after its deletion");
    else if (life.isGone) world.fail("an ended run came back after its deletion");
    else if (after.fence !== life.registration.fence) world.fail("a life did not begin with its first fence");
    if (before !== undefined) {
      world.count("life in the place of a former one");
      const former = this.lives.of(before.run, before.fence);
      if (former !== undefined && before.debt !== undefined) former.isCutShort = true;
      if (before.state !== "ended") world.fail("a life took the place of one that lives");
    }
    const isElsewhere = this.cloud.runs.items().some((other) => other.run === after.run && other.shard !== after.shard);
    if (isElsewhere) world.count("item of a former life in another shard");
    const others = this.cloud.runs.items().filter((other) => other.run === after.run && other.state !== "ended");
    if (others.length > 1) world.fail("a run has two items that live");
  }

  /** What holds between any two states of one item. */
  private stepwise(before: Run, after: Run, byClock: boolean, life: Life): void {
    const { world } = this;
    const isRenewal = before.rev === after.rev;
    if (after.fence < before.fence || after.attempt < before.attempt || after.rev < before.rev)
      world.fail("fence, attempt or rev fell");
    if (after.state !== "ended" && after.fence - after.attempt !== life.registration.fence - 1)
      world.fail("fence and attempt do not rise together");
    if (after.fence === before.fence && isClaimed(before) && isClaimed(after) && after.due < before.due)
      world.fail("a write shortened a lease");
    if (isClaimed(before) && isClaimed(after) && RISE[directiveOf(after)] < RISE[directiveOf(before)])
      world.fail("a directive fell");
    if (
      before.state === "leaving" &&
      after.state === "leaving" &&
      (after.deadline ?? Infinity) > (before.deadline ?? Infinity)
    )
      world.fail("a deadline moved away");
    if (before.state === "ended" && after.state !== "ended") world.fail("an ended run came back");
    if (outcome(before) === "succeeded" && outcome(after) !== "succeeded") world.fail("a success was overwritten");
    if (outcome(before) === "canceled" && outcome(after) !== "canceled") world.fail("a canceled run ended otherwise");
    if (before.state === "waiting" && after.state === "queued" && byClock && before.due > world.now + SKEW)
      world.fail("a backoff was cut short");
    if (after.state === "ended" && after.outcome === "succeeded" && after.charges[after.endedByAttempt - 1] !== "+")
      world.fail("a success was charged");
    if (before.state === "canceling" && after.state === "ended" && after.outcome !== "canceled")
      world.fail("a run that was being canceled ended otherwise");
    if (isRenewal && (after.state !== before.state || after.charges !== before.charges)) world.fail("rev did not rise");
    const allowed = Object.values(transitions[before.state]).some(({ next }) => next.includes(after.state));
    if (!allowed) world.fail(`the table of transitions has no way from ${before.state} to ${after.state}`);
    this.charges(before, after, life);
  }

  /** Each ended attempt is charged once. Only the letters of inferred ends change. */
  private charges(before: Run, after: Run, life: Life): void {
    const added = after.charges.length - before.charges.length;
    if (added < 0 || added > 1) this.world.fail("an attempt was not charged exactly once");
    for (const [index, letter] of [...before.charges].entries()) {
      const now = after.charges[index] ?? "";
      if (now === letter) continue;
      const isSuccess = "lif".includes(letter) && now === "+";
      const isRefund = "lc-".includes(letter) && "if".includes(now);
      if (isRefund) life.refunds += 1;
      const isFurther = life.further.get((life.registration.fence + index) as never) === true;
      if (isRefund && (now === "f") !== isFurther) this.world.fail(`late evidence was charged as ${now}`);
      if (!isSuccess && !isRefund) this.world.fail(`a charge changed from ${letter} to ${now}`);
    }
  }

  private attemptEnded(before: Run, after: Run, byClock: boolean, life: Life, since: number): void {
    const { world } = this;
    const cause = after.debt?.ledger?.cause;
    world.count(`ended ${cause}`);
    this.priced(before, after, cause, life, since);
    if (cause === "lost" && byClock) this.lostFairly(before);
    const isLate = cause === "succeeded" && !isClaimed(before);
    if (!isLate && after.charges.length !== before.charges.length + 1) world.fail("an end was not charged");
    if (byClock && before.due > world.now + SKEW) world.fail("an attempt was declared lost before its lease ran out");
    if (!byClock) this.leases.delete(`${before.run}.${before.fence}`); // its holder gave it up, or nobody held it
    if (isLate) this.succeededLate(after, life);
    if (cause === "never-started" && before.attempt > 1 && !this.sent.has(`${before.run}.${before.fence}`))
      world.fail("a start was charged whose message never went out");
  }

  /** What each cause costs, written a second time in the words of the design. */
  private priced(before: Run, after: Run, cause: Cause | undefined, life: Life, since: number): void {
    const line = after.debt?.ledger;
    if (line === undefined || cause === undefined) {
      this.world.fail("an end without a cause");
      return;
    }
    const letter = after.charges[line.attempt - 1];
    if (letter === "f") this.world.count("interruption that got further");
    // A beat may report progress while the end is decided, so the progress at either of these times counts.
    const { furthest = 0 } = before;
    const could = [since, this.world.moment].map((moment) => toldBy(life.progress.get(line.fence), moment) ?? 0);
    life.further.set(line.fence, line.gotFurther === true);
    const isSo = could.some(
      (own) => own > furthest === (line.gotFurther === true) && (after.furthest ?? 0) === Math.max(own, furthest),
    );
    if (isClaimed(before) && !isSo) this.world.fail("an end is wrong about how far its attempt got");
    const price = cause === "interrupted" && line.gotFurther ? "f" : PRICE[cause];
    if (letter !== price) this.world.fail(`${cause} was charged as ${letter}, not as ${price}`);
  }

  /** In calm nothing keeps a beat from coming. A run that is lost then must be gone, or have been in trouble before. */
  private lostFairly(before: Run): void {
    if (this.calmSince === undefined || !isClaimed(before) || before.claimedAt < this.calmSince) return;
    if ([...(this.atWork.get(before.run)?.values() ?? [])].includes(before.attempt))
      this.world.fail("a healthy attempt was declared lost");
  }

  /** A late success counts only while no other attempt can have done the work. */
  private succeededLate(after: Run, { registration, holders }: Life): void {
    this.world.count("late success");
    const by = after.state === "ended" ? after.endedByAttempt : after.attempt;
    for (let later = by + 1; later <= after.attempt; later += 1)
      if (holders.has((registration.fence + later - 1) as never))
        this.world.fail("a late success counted although a later attempt was claimed");
  }

  private claimed(run: ClaimedRun, { registration, holders }: Life): void {
    const holder = holders.get(run.fence) ?? run.holder;
    holders.set(run.fence, holder);
    if (holder !== run.holder) this.world.fail("an attempt was claimed by two holders");
    if (registration.spec.onNotice !== "ignore" && run.host !== undefined) this.mayStand(run.host, run.claimedAt);
    const key = `${run.run}.${run.fence}`;
    for (const [other, { run: id, until }] of this.leases)
      if (id === run.run && other !== key && until > this.world.now + 2 * SKEW)
        this.world.fail(`two valid leases: ${other} and ${key}`);
  }

  /** No attempt opens on a host that was told to drain, until its deadline. Clocks differ. */
  private mayStand(host: string, now: number): void {
    const until = now + 2 * SKEW;
    const going = this.words.find(({ evidence, host: of, heardAt }) => {
      const { deadline = 0, goneAt = until + 1, source, kind } = evidence;
      const isGoing = kind === "drain" && source !== "runner" && deadline > until && goneAt > until;
      return of === host && isGoing && heardAt < now - LIMIT; // a claim may have looked before
    });
    if (going !== undefined) this.world.fail(`a claim was let in on ${host}, which drains`);
  }

  /** A notice has been processed. Every attempt that it asks to leave that host leaves, and by its deadline. */
  heeded({ evidence, host }: Word): void {
    const { deadline = Infinity, id, at, kind, goneAt = Infinity, withdrawn } = evidence;
    const { now } = this.world;
    if (host === undefined || !DRAINS.has(kind) || withdrawn === true) return;
    // It may have been told again meanwhile, perhaps with more time. Then the newer one counts.
    const isOutdated = this.words.some(
      (other) => other.host === host && other.evidence.id === id && other.evidence.at > at,
    );
    if (isOutdated) return;
    for (const run of this.cloud.runs.items()) {
      if (!isClaimed(run) || run.host !== host || this.cloud.isBroken(run.run)) continue;
      const isThen = run.claimedAt - 60_000 <= at && at <= now && goneAt > run.claimedAt && run.claimedAt < now - LIMIT;
      const isIgnored = this.lives.of(run.run, run.fence)?.registration.spec.onNotice === "ignore";
      if (!isThen || isIgnored) continue;
      if (run.state === "running") this.world.fail(`a word about its host did not reach ${run.run}`);
      if (run.state === "leaving" && !run.isFree && (run.deadline ?? Infinity) > deadline)
        this.world.fail(`a nearer deadline did not reach ${run.run}`);
    }
  }

  /** In calm, what the clock has decided is carried out within two sweeps, no matter what else fails. */
  timely(hasCanary: boolean): void {
    const within = SWEPT_WITHIN_MS + (hasCanary ? WITNESSED_WITHIN_MS : 0);
    for (const run of this.cloud.runs.items()) {
      // An item may be due when it is made, if its registration is completed past the deadline of its run.
      const since = Math.max(run.due, this.bornAt.get(run.run) ?? 0);
      if (since + within < this.world.now && run.state !== "ended" && !this.cloud.isBroken(run.run))
        this.world.fail(`a ${run.state} run stayed ${this.world.now - since} ms past its due time`);
    }
  }
}

/** The progress that an attempt had reported by then. */
const toldBy = (told: readonly { moment: number; value: number }[] = [], by: number): number | undefined =>
  told.findLast(({ moment }) => moment <= by)?.value;

/** The kinds that ask an attempt to leave. */
const DRAINS: ReadonlySet<string> = new Set([
  "spot-interruption",
  "capacity-reservation",
  "evicted",
  "scale-in",
  "drain",
]);

const PRICE: Record<Cause, string> = {
  succeeded: "+",
  interrupted: "i",
  crashed: "c",
  "out-of-memory": "m",
  unstartable: "u",
  stalled: "c",
  overran: "c",
  "never-started": "s",
  lost: "l",
  "cut-off": "-",
  canceled: "-",
  requeued: "-",
};

const outcome = (run: Run): Ended["outcome"] | undefined => (run.state === "ended" ? run.outcome : undefined);

export const brief = (run: Run | undefined): string =>
  run === undefined
    ? "nothing"
    : `${run.state}/${run.attempt} rev ${run.rev % 1000} due ${run.due % 1000000} charges "${run.charges}"${run.debt === undefined ? "" : ` owes ${run.debt.owes ?? "ledger"}`}${run.state === "ended" ? ` ${run.outcome}` : ""}`;
