import { type Clue, clue, hint, told } from "./clue.ts";
import type { Condition, OwnerFacts } from "./facts.ts";
import { meaningOf } from "./meaning.ts";

const DONE = /^(complete|completed|succeeded|success ?criteria ?met)$/i;
const FAILED = /^(failed|failure ?target|error|failing|submission_failed|failed_submission)$/i;
const TAKEN = /^(evicted|preempted)$/i;
/** Why Kueue takes a workload: only these take capacity; an administrator or a time limit may do it as well. */
const TAKES_CAPACITY = /preempt|admission ?check|node/i;
/** Kueue has one condition for every end; its reason or its message says which it was. */
const FINISHED = /^finished$/i;
const ALIVE =
  /^(suspended|running|created|restarting|queuing|queued|pending|active|quota ?reserved|admitted|submitted)$/i;

/** An object tells its state by conditions that are True. A condition that was told without a status is meant. */
const holds = ({ status }: Condition): boolean => status === undefined || status === "True";

/** The spec of a Job may say that an end by an exit code, or by a disruption, fails it. The message says which it was. */
function ofPolicy({ message }: Condition): Clue {
  const where = "job.conditions";
  const isDisruption = /\bcondition DisruptionTarget\b/.test(told(message));
  return clue(isDisruption ? "reclaimed" : "failed", where, told("PodFailurePolicy", message));
}

/** Why an owner gave up, as far as it tells. "The limit of retries is reached" says that pods failed, and not why. */
function ofFailure(condition: Condition, { failed }: OwnerFacts): Clue {
  const { type, reason, message, at } = condition;
  const where = `job.conditions.${type}`;
  const text = told(reason, message);
  if (/pod ?failure ?policy/i.test(text)) return ofPolicy(condition);
  if (/deadline/i.test(told(reason))) return clue("deadline", where, text, at);
  if (/failed ?indexes/i.test(told(reason))) return clue("failed", where, text, at);
  // One pod after the other: whatever took the first would not have taken all of them.
  if (/backoff ?limit/i.test(told(reason)))
    return failed > 1 ? clue("failed", where, text, at) : hint("killed", where, text, at);
  const meant = meaningOf(message) ?? meaningOf(reason);
  return meant === undefined ? hint("killed", where, text, at) : clue(meant, where, text, at);
}

function ofFinished(condition: Condition, owner: OwnerFacts): Clue {
  const said = told(condition.reason, condition.message);
  return /succe/i.test(said)
    ? clue("succeeded", "job.conditions.Finished", said, condition.at)
    : ofFailure(condition, owner);
}

/** What a Job, or another owner of pods, says about the end of its work. */
export function cluesOfOwner(owner: OwnerFacts): readonly Clue[] {
  const { conditions, state, reason, message, isSuspended, active, succeeded, completions = 1 } = owner;
  const held = conditions.filter(holds);
  const done = held.find(({ type }) => DONE.test(type));
  if (done !== undefined || (state !== undefined && DONE.test(state)))
    return [clue("succeeded", "job.conditions", told(done?.type ?? state, done?.message), done?.at)];
  const finished = held.find(({ type }) => FINISHED.test(type));
  if (finished !== undefined) return [ofFinished(finished, owner)];
  const failures = held.filter(({ type }) => FAILED.test(type)).map((each) => ofFailure(each, owner));
  if (failures.length > 0) return failures;
  if (state !== undefined && FAILED.test(state))
    return [
      ofFailure(
        { type: state, ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) },
        owner,
      ),
    ];
  if (held.some(({ type }) => /^suspended$/i.test(type)) || isSuspended)
    return [clue("alive", "job.conditions", "Suspended: it waits until it is resumed")];
  const taken = held.filter(({ type }) => TAKEN.test(type));
  if (taken.length > 0)
    return taken.map(({ type, reason, message: why, at }) => {
      const make = TAKES_CAPACITY.test(reason ?? type) ? clue : hint;
      const points = make === clue ? "reclaimed" : "killed";
      return make(points, `job.conditions.${type}`, told(reason, why), at);
    });
  if (active > 0) return [clue("alive", "job.status.active", String(active))];
  if (succeeded >= completions) return [clue("succeeded", "job.status.succeeded", String(succeeded))];
  // Between two pods a Job waits for its back-off. Only a condition ends it.
  if (owner.failed > 0) return [hint("alive", "job.status.failed", String(owner.failed))];
  const going = [state, ...held.map(({ type }) => type)].find((word) => word !== undefined && ALIVE.test(word));
  return going === undefined ? [] : [clue("alive", "job.status", going)];
}
