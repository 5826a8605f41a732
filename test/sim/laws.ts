import type { Cause } from "../../lib/core/causes.ts";
import type { Evidence } from "../../lib/core/evidence.ts";
import type { Renewal } from "../../lib/core/lease.ts";
import { directiveOf, type Ended, isHeld, type Run, type RunKey } from "../../lib/core/run.ts";
import type { Spec } from "../../lib/core/spec.ts";
import { instant } from "../../lib/core/time.ts";
import { transitions } from "../../lib/core/transitions.ts";
import type { MemoryRuns } from "../../lib/memory/runs.ts";
import type { RequeueMessage, Requeues } from "../../lib/ports/queues.ts";
import type { Runs } from "../../lib/ports/runs.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import type { Cloud } from "./cloud.ts";
import { SKEW, type World } from "./world.ts";

const RISE = { continue: 0, drain: 1, stop: 2 } as const;
const SWEPT_WITHIN_MS = 30_000;

/** What must hold after every write, in the words of the promises of the design, and what must hold at the end. */
export class Laws {
  /** Successes and cancels that were answered with a 2xx: they must not be lost. */
  readonly won = new Set<string>();
  readonly canceled = new Set<string>();
  readonly moves = new Set<string>();
  private readonly world: World;
  private readonly cloud: Cloud;
  private readonly holders = new Map<string, string>();
  private readonly starts = new Map<string, number>();
  /** Until when an attempt holds its lease, unless it has given it up itself. */
  private readonly leases = new Map<string, { run: string; until: number }>();
  private readonly atWork = new Map<string, Map<string, number>>();
  private readonly asleep = new Set<string>();
  /** Since when nothing is in anybody's way. */
  calmSince: number | undefined;
  /** Runs whose owner has chosen that an attempt goes on although it is cut off. */
  readonly goesOnWhenCutOff = new Set<string>();
  private readonly sent = new Set<string>();
  private readonly gone = new Set<string>();
  /** The fence of each run's first attempt: it rises by one with every attempt that ends. */
  private readonly firstFences = new Map<string, number>();

  constructor(world: World, cloud: Cloud) {
    this.world = world;
    this.cloud = cloud;
  }

  watch(runs: MemoryRuns): Runs {
    const itemOf = runs.look;
    const seen = async <T>(key: RunKey, write: () => Promise<T>, by?: "clock" | "proof"): Promise<T> => {
      const before = itemOf(key);
      const writing = write(); // the memory adapter has written when this returns
      const after = itemOf(key);
      if (before !== after && before !== undefined && by === "proof") this.proved(before);
      if (before !== after) this.written(key, before, after, by === "clock");
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

  watchQueue(queue: Requeues): Requeues {
    return {
      send: (message: RequeueMessage) => {
        const { data } = JSON.parse(message.body) as RequeueEvent;
        this.world.log(`message ${message.id}`);
        if (data.next.attempt > 1 && !data.next.held && data.previous?.detectedAt === undefined)
          this.world.fail("a message went out before the ledger line of the attempt before it");
        const { attempt, fence, ticket } = data.next;
        if (!ticket.startsWith(`${data.run}.${attempt}.${fence}.`))
          this.world.fail("a message carries the ticket of another attempt");
        if (fence !== (this.firstFences.get(data.run) ?? 0) + attempt - 1)
          this.world.fail("a message's fence is not the one of its attempt");
        if (message.id !== `${data.run}.${fence}`) this.world.fail("a message's id names another attempt");
        this.sent.add(message.id);
        return queue.send(message);
      },
    };
  }

  /** The specs as they were registered, by run: what a run may cost and how long it may take. */
  readonly specs = new Map<string, Spec>();

  /** A child was started for this attempt. It is alone, or an agent that could not stop its own was paused. */
  started(run: string, attempt: number, pod: string): void {
    const key = `${run}.${attempt}`;
    const starts = (this.starts.get(key) ?? 0) + 1;
    this.starts.set(key, starts);
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

  /** The host is proved gone: nobody may be at work there. */
  private proved(run: Run): void {
    this.world.count("proof of death");
    for (const [pod, attempt] of this.atWork.get(run.run) ?? [])
      if (attempt === run.attempt && !this.asleep.has(pod) && !this.goesOnWhenCutOff.has(run.run))
        this.world.fail(`proof of death hit ${pod}, which is alive`);
  }

  private renewed(before: Run | undefined, { fence, now }: Renewal): void {
    const deadline = before === undefined ? undefined : this.specs.get(before.run)?.attemptDeadline;
    if (before !== undefined && isHeld(before) && deadline !== undefined && before.claimedAt + deadline <= now)
      this.world.fail("a lease was renewed past the attempt's deadline");
    if (before?.fence !== fence) this.world.fail("a superseded attempt renewed the lease of another one");
    if (before !== undefined && isHeld(before) && before.lastRenewable !== undefined && before.lastRenewable <= now)
      this.world.fail("a lease was renewed after its last renewable instant");
  }

  private written(key: RunKey, before: Run | undefined, after: Run | undefined, byClock: boolean): void {
    const { world } = this;
    world.log(`  ${key.run} ${brief(before)} -> ${brief(after)}`);
    if (after === undefined) {
      if (before?.state !== "ended" || before.debt !== undefined)
        world.fail("an item was deleted that was not settled");
      this.gone.add(key.run);
      return;
    }
    if (before === undefined) {
      if (this.gone.has(key.run) && after.state !== "ended") world.fail("an ended run came back after its deletion");
      if (after.state === "ended") world.count("put back after its deletion");
      else this.firstFences.set(key.run, after.fence);
      return;
    }
    this.moves.add(`${before.state} -> ${after.state}`);
    this.stepwise(before, after, byClock);
    if (before.state === "ended" && outcome(before) !== outcome(after)) this.succeededLate(after);
    if (after.fence > before.fence) this.attemptEnded(before, after, byClock);
    if (before.state === "queued" && isHeld(after)) this.claimed(after);
    if (after.state === "running" || after.state === "leaving")
      this.leases.set(`${after.run}.${after.attempt}`, { run: after.run, until: after.due });
  }

  /** What holds between any two states of one item. */
  private stepwise(before: Run, after: Run, byClock: boolean): void {
    const { world } = this;
    const isRenewal = before.rev === after.rev;
    if (after.fence < before.fence || after.attempt < before.attempt || after.rev < before.rev)
      world.fail("fence, attempt or rev fell");
    if (after.fence === before.fence && isHeld(before) && isHeld(after) && after.due < before.due)
      world.fail("a write shortened a lease");
    if (isHeld(before) && isHeld(after) && RISE[directiveOf(after)] < RISE[directiveOf(before)])
      world.fail("a directive fell");
    if (before.state === "ended" && after.state !== "ended") world.fail("an ended run came back");
    if (outcome(before) === "succeeded" && outcome(after) !== "succeeded") world.fail("a success was overwritten");
    if (outcome(before) === "canceled" && outcome(after) !== "canceled") world.fail("a canceled run ended otherwise");
    if (before.state === "waiting" && after.state === "queued" && byClock && before.due > world.now + SKEW)
      world.fail("a backoff was cut short");
    if (after.state === "ended" && after.outcome === "succeeded" && after.charges[after.by - 1] !== "+")
      world.fail("a success was charged");
    if (before.state === "canceling" && after.state === "ended" && after.outcome !== "canceled")
      world.fail("a run that was being canceled ended otherwise");
    if (isRenewal && (after.state !== before.state || after.charges !== before.charges)) world.fail("rev did not rise");
    const allowed = Object.values(transitions[before.state]).some(({ next }) => next.includes(after.state));
    if (!allowed) world.fail(`the table of transitions has no way from ${before.state} to ${after.state}`);
    this.charges(before, after);
  }

  /** Each ended attempt is charged once; the only letter that changes is one that was inferred. */
  private charges(before: Run, after: Run): void {
    const added = after.charges.length - before.charges.length;
    if (added < 0 || added > 1) this.world.fail("an attempt was not charged exactly once");
    for (const [index, letter] of [...before.charges].entries()) {
      const now = after.charges[index];
      const isInferred = ("li".includes(letter) && now === "+") || (letter === "l" && now === "i");
      if (now !== letter && !isInferred) this.world.fail(`a charge changed from ${letter} to ${now}`);
    }
  }

  private attemptEnded(before: Run, after: Run, byClock: boolean): void {
    const { world } = this;
    const cause = after.debt?.ledger?.cause;
    world.count(`ended ${cause}`);
    this.priced(after, cause);
    if (cause === "lost" && byClock) this.lostFairly(before);
    const isLate = cause === "succeeded" && !isHeld(before);
    if (!isLate && after.charges.length !== before.charges.length + 1) world.fail("an end was not charged");
    if (byClock && before.due > world.now + SKEW) world.fail("an attempt was declared lost before its lease ran out");
    if (!byClock) this.leases.delete(`${before.run}.${before.attempt}`); // its holder gave it up, or nobody held it
    if (isLate) this.succeededLate(after);
    if (cause === "never-started" && before.attempt > 1 && !this.sent.has(`${before.run}.${before.fence}`))
      world.fail("a start was charged whose message never went out");
  }

  /** What each cause costs, once more, in the words of the design. */
  private priced(after: Run, cause: Cause | undefined): void {
    const line = after.debt?.ledger;
    if (line === undefined || cause === undefined) {
      this.world.fail("an end without a cause");
      return;
    }
    const letter = after.charges[line.attempt - 1];
    if (letter !== PRICE[cause]) this.world.fail(`${cause} was charged as ${letter}`);
  }

  /** In calm nothing keeps a beat from coming: whoever is lost then must be gone, or have been in trouble before. */
  private lostFairly(before: Run): void {
    if (this.calmSince === undefined || !isHeld(before) || before.claimedAt < this.calmSince) return;
    if ([...(this.atWork.get(before.run)?.values() ?? [])].includes(before.attempt))
      this.world.fail("a healthy attempt was declared lost");
  }

  /** A success that comes late counts only while nobody else can have done the work. */
  private succeededLate(after: Run): void {
    this.world.count("late success");
    const by = after.state === "ended" ? after.by : after.attempt;
    for (let later = by + 1; later <= after.attempt; later += 1)
      if (this.holders.has(`${after.run}.${later}`))
        this.world.fail("a late success counted although a later attempt was claimed");
  }

  private claimed(run: Run & { holder: string }): void {
    const key = `${run.run}.${run.attempt}`;
    const holder = this.holders.get(key) ?? run.holder;
    this.holders.set(key, holder);
    if (holder !== run.holder) this.world.fail("an attempt was claimed by two holders");
    for (const [other, { run: id, until }] of this.leases)
      if (id === run.run && other !== key && until > this.world.now + 2 * SKEW)
        this.world.fail(`two valid leases: ${other} and ${key}`);
  }

  /** In calm: what the clock has decided is carried out within two sweeps. */
  timely(): void {
    for (const run of this.cloud.runs.items())
      if (run.due + SWEPT_WITHIN_MS < this.world.now && run.state !== "ended")
        this.world.fail(`a ${run.state} run stayed ${this.world.now - run.due} ms past its due time`);
  }

  /** When nothing can happen any more. */
  async atTheEnd(registered: readonly string[], news: ReadonlyMap<string, readonly Evidence[]>): Promise<void> {
    for (const run of registered) {
      const fault = await this.faultOf(run, news);
      if (fault !== undefined) this.world.fail(`${run}: ${fault}`);
    }
  }

  /** One charge more than a budget allows ends the run, so there is never a second one. */
  private overspent(run: string, charges: string): string | undefined {
    const budgets = this.specs.get(run)?.budgets;
    if (budgets === undefined) return undefined;
    const count = (letters: string): number => [...charges].filter((letter) => letters.includes(letter)).length;
    if ("attempts" in budgets)
      return count("cils") > budgets.attempts ? `more charges than attempts: ${charges}` : undefined;
    const spent = { crashes: count("c"), interruptions: count("i"), losses: count("l"), starts: count("s") };
    for (const kind of ["crashes", "losses", "starts"] as const)
      if (spent[kind] > budgets[kind] + 1) return `more ${kind} than allowed: ${charges}`;
    // A refund moves a loss to the interruptions of a run that went on long ago.
    return spent.interruptions > budgets.interruptions + 1 + budgets.losses
      ? `more interruptions than allowed: ${charges}`
      : undefined;
  }

  private async faultOf(run: string, news: ReadonlyMap<string, readonly Evidence[]>): Promise<string | undefined> {
    const item = this.cloud.runs.items().find((each) => each.run === run);
    if (item !== undefined) return `the run does not end, or its item is not deleted: ${brief(item)}`;
    const result = await this.cloud.results.read(run, this.world.now);
    const registration = await this.cloud.specs.read(run, this.world.now);
    if (registration === undefined) return "no spec";
    if (result === undefined) return this.gone.has(run) ? "no result" : undefined;
    this.world.count(`outcome ${result.outcome}`);
    const overspent = this.overspent(run, result.charges);
    if (overspent !== undefined) return overspent;
    const listed = await this.cloud.endedRuns.list(this.world.now, instant(0), 500);
    if (listed.runs.filter((each) => each.run === run).length !== 1) return "not once in the list of ended runs";
    if (this.won.has(run) && result.outcome !== "succeeded") return `an accepted success was lost: ${result.outcome}`;
    if (this.canceled.has(run) && result.outcome !== "canceled") return `a canceled run ended ${result.outcome}`;
    const lines = await this.cloud.ledger.list(run, registration.fence);
    const letters = lines.flatMap(({ end }) => (end === undefined ? [] : [end.charge])).join("");
    if (letters !== result.charges) return `the ledger says ${letters}, the result ${result.charges}`;
    for (const { claim, end } of lines) {
      if (end === undefined) return "a ledger line has no end";
      const { claimedAt, endedAt, charge, host } = end;
      const told = (host === undefined ? undefined : news.get(host)) ?? [];
      if (charge === "l" && claimedAt !== undefined && told.some(({ at }) => at >= claimedAt && at <= endedAt))
        return `attempt ${end.attempt} is charged to losses although evidence has come`;
      if (claim !== undefined && end.attempt > 1 && !this.sent.has(`${run}.${end.fence}`))
        return "an attempt without a message";
    }
    return undefined;
  }
}

const PRICE: Record<Cause, string> = {
  succeeded: "+",
  interrupted: "i",
  crashed: "c",
  stalled: "c",
  overran: "c",
  "never-started": "s",
  lost: "l",
  "cut-off": "-",
  canceled: "-",
  requeued: "-",
};

const outcome = (run: Run): Ended["outcome"] | undefined => (run.state === "ended" ? run.outcome : undefined);

const brief = (run: Run | undefined): string =>
  run === undefined
    ? "nothing"
    : `${run.state}/${run.attempt} rev ${run.rev % 1000} due ${run.due % 1000000} charges "${run.charges}"${run.debt === undefined ? "" : ` owes ${run.debt.owes ?? "ledger"}`}${run.state === "ended" ? ` ${run.outcome}` : ""}`;
