import type { Budgets, Spec } from "../../lib/core/spec.ts";
import type { RequeueEvent } from "../../lib/wire/requeue.ts";
import type { Lives } from "./lives.ts";

const count = (charges: string, letters: string): number =>
  [...charges].filter((letter) => letters.includes(letter)).length;

const KINDS = ["crashes", "memory", "interruptions", "losses", "starts"] as const;

/** What each budget has paid for, written a second time in the words of the protocol. */
export function spentOf(charges: string): Readonly<Record<(typeof KINDS)[number], number>> {
  const lately = charges.slice(charges.lastIndexOf("f") + 1);
  return {
    crashes: count(charges, "cu"),
    memory: count(charges, "m"),
    interruptions: count(lately, "i"),
    losses: count(charges, "l"),
    starts: count(charges, "s"),
  };
}

/** What a message has to say of an attempt that follows these charges. */
function saidOf(budgets: Budgets, onDemandLast: number, charges: string): string {
  const spent = spentOf(charges);
  const one = "attempts" in budgets ? budgets.attempts - 1 - count(charges, "cumifls") : undefined;
  // A registration without a budget of memory has that of crashes.
  const most = (kind: (typeof KINDS)[number]): number =>
    "attempts" in budgets ? 0 : (budgets[kind] ?? budgets.crashes);
  const left = (kind: (typeof KINDS)[number]): number => one ?? most(kind) - spent[kind];
  const used =
    "attempts" in budgets
      ? { attempts: { used: count(charges, "cumifls"), max: budgets.attempts } }
      : Object.fromEntries(KINDS.map((kind) => [kind, { used: spent[kind], max: most(kind) }]));
  return JSON.stringify([
    left("interruptions") <= onDemandLast ? "on-demand" : "any",
    KINDS.every((kind) => left(kind) <= 0),
    used,
  ]);
}

/**
 * Until when an attempt that is announced now may start at least. One sweep of 42 s has decided, the debt has stood for
 * 30 s, and another sweep settles it, or vanishes and leaves it to the next one, 42 s later.
 */
export const fullTime = ({ startWithin, deadline }: Spec, registeredAt: number, now: number): number =>
  Math.min(now + startWithin - 157_000, registeredAt + (deadline ?? Number.POSITIVE_INFINITY));

/** What is wrong with a message at every time since its sender began; undefined if it was right at one. */
export function faultOfMessage(
  { id, data }: RequeueEvent,
  lives: Lives,
  since: number,
  now: number,
): string | undefined {
  const { attempt, fence, ticket, held } = data.next;
  const life = lives.of(data.run, fence);
  if (life === undefined) return "a message of a run that nobody registered";
  const { fence: first, spec, registeredAt } = life.registration;
  if (attempt > 1 && !held && data.previous?.detectedAt === undefined)
    return "a message went out before the ledger line of the attempt before it";
  if (!ticket.startsWith(`${data.run}.${attempt}.${fence}.`)) return "a message carries the ticket of another attempt";
  if (fence !== first + attempt - 1) return "a message's fence is not the one of its attempt";
  if (id !== `${data.run}.${fence}`) return "a message's id names another attempt";
  if (!held && Date.parse(data.next.startBy) < fullTime(spec, registeredAt, now))
    return "a message went out without its time to start";
  if ((data.cause === "first") !== (attempt === 1)) return `a message of attempt ${attempt} says ${data.cause}`;
  if ((data.previous?.outOfMemory === true) !== (data.cause === "out-of-memory"))
    return `a message with the cause ${data.cause} is wrong about memory`;
  const said = JSON.stringify([data.next.capacity, data.next.isLast, data.budgets]);
  const isSo = lives.since(since, data.run).some(({ run }) => {
    if (run === undefined) return false;
    if (!held)
      return (
        run.state === "queued" && run.fence === fence && said === saidOf(spec.budgets, spec.onDemandLast, run.charges)
      );
    if (run.state !== "leaving" || run.fence !== fence - 1) return false;
    return ["i", "f"].some((letter) => said === saidOf(spec.budgets, spec.onDemandLast, run.charges + letter));
  });
  return isSo ? undefined : `a ${held ? "held " : ""}message says ${said}, which was never so`;
}
