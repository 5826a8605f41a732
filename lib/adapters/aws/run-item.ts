import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { changesBetween } from "../../core/changes.ts";
import { asFence, type Debt, isClaimed, type Run, type State } from "../../core/run.ts";
import { after, instant, milliseconds, seconds } from "../../core/time.ts";
import { PREFIX, TABLE } from "../../names.ts";
import type { Sighting } from "../../ports/runs.ts";
import { type Item, json, keyOf, number, text, ttl } from "./item.ts";
import { fromStored, toStored } from "./stored-names.ts";

/** The partition of a shard's run items. */
export const shardKey = (shard: number): string => `${PREFIX.liveRuns}${shard}`;

/**
 * Far beyond any lease or start deadline. A sweep deletes a run item; its TTL deletes it only if all sweeps have
 * failed.
 */
const KEPT_PAST_DUE = seconds(30 * 24 * 3600);

const STATES: Record<State, string> = {
  queued: "q",
  waiting: "w",
  running: "r",
  leaving: "l",
  canceling: "c",
  ended: "e",
};
const STATE_OF = new Map(Object.entries(STATES).map(([state, letter]) => [letter, state as State]));

/** How a field is stored: in its form, and under a letter, because DynamoDB bills the names, too. */
type Field = {
  readonly letter: string;
  readonly write: (value: never) => AttributeValue;
  readonly read: (value: AttributeValue) => unknown;
};

const count = (letter: string): Field => ({
  letter,
  write: (value: number) => number(value),
  read: ({ N }) => Number(N),
});
const word = (letter: string): Field => ({ letter, write: (value: string) => text(value), read: ({ S }) => S });
const structure = (letter: string): Field => ({
  letter,
  write: (value: unknown) => json(value),
  read: ({ S }) => JSON.parse(String(S)),
});

const FIELDS = {
  fence: { ...count("f"), read: ({ N }) => asFence(Number(N)) },
  rev: count("r"),
  state: { letter: "q", write: (value: State) => text(STATES[value]), read: ({ S }) => STATE_OF.get(String(S)) },
  due: { ...count("d"), read: ({ N }) => instant(Number(N)) },
  lease: { ...count("l"), read: ({ N }) => milliseconds(Number(N)) },
  attempt: count("n"),
  charges: word("c"),
  furthest: count("i"),
  holder: {
    letter: "h",
    write: (value: string) => ({ B: Buffer.from(value, "hex") }), // 16 bytes instead of 32
    read: ({ B }) => Buffer.from(B ?? []).toString("hex"),
  },
  host: word("o"),
  isWatched: { letter: "W", write: () => ({ BOOL: true }), read: () => true },
  claimedAt: count("a"),
  lastRenewable: count("x"),
  directive: word("v"),
  reason: word("w"),
  deadline: count("e"),
  isFree: { letter: "u", write: () => ({ BOOL: true }), read: () => true },
  progress: structure("m"),
  debt: {
    letter: "b",
    write: (debt: Debt) => json(debt.ledger === undefined ? debt : { ...debt, ledger: toStored(debt.ledger) }),
    read: ({ S }) => {
      const debt = JSON.parse(String(S));
      return debt.ledger === undefined ? debt : { ...debt, ledger: fromStored(debt.ledger) };
    },
  },
  outcome: word("z"),
  cause: word("k"),
  endedByAttempt: count("y"),
  endedAt: count("j"),
} satisfies Record<string, Field>;
const NAME_OF = new Map(Object.entries(FIELDS).map(([name, { letter }]) => [letter, name]));

/** The attribute that holds a field. With it, conditions read like the rules that they keep. */
export const A = {
  fence: FIELDS.fence.letter,
  rev: FIELDS.rev.letter,
  state: FIELDS.state.letter,
  due: FIELDS.due.letter,
  lastRenewable: FIELDS.lastRenewable.letter,
} as const;

/** When the debt was made. It is stored beside the debt, so that a sweep need not read the debt itself. */
const OWED_SINCE = "g";

function fieldOf(name: string): Field {
  const field = (FIELDS as Readonly<Record<string, Field>>)[name];
  if (field === undefined) throw new Error(`the run item has no field ${name}`);
  return field;
}

/** The attributes of some fields of a run, with what is derived from them. */
export function attributesOf(fields: Readonly<Record<string, unknown>>): Item {
  const item: Item = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name === "run" || name === "shard") continue;
    item[fieldOf(name).letter] = fieldOf(name).write(value as never);
  }
  if (fields["debt"] !== undefined) item[OWED_SINCE] = number((fields["debt"] as Debt).since);
  if (fields["due"] !== undefined) item[TABLE.ttl] = ttl(after(instant(Number(fields["due"])), KEPT_PAST_DUE));
  return item;
}

export const itemOf = (run: Run): Item => ({ ...keyOf(shardKey(run.shard), run.run), ...attributesOf(run) });

/** The run that an item holds. */
export function runOf(item: Item): Run {
  const run: Record<string, unknown> = {
    run: item[TABLE.sortKey]?.S,
    shard: Number(item[TABLE.partitionKey]?.S?.slice(PREFIX.liveRuns.length)),
  };
  for (const [letter, value] of Object.entries(item)) {
    const name = NAME_OF.get(letter);
    if (name !== undefined) run[name] = fieldOf(name).read(value);
  }
  return run as unknown as Run;
}

/** The assignments of an update that sets these attributes. */
export const assigning = (attributes: Item): { assignments: string; values: Item } => ({
  assignments: Object.keys(attributes)
    .map((letter) => `${letter} = :${letter}`)
    .join(", "),
  values: Object.fromEntries(Object.entries(attributes).map(([letter, value]) => [`:${letter}`, value])),
});

/** An update that sets and removes only what has changed. */
export function updateOf(seen: Run, next: Run): { expression: string; values: Item } {
  const { set, removed } = changesBetween(seen, next);
  const { assignments, values } = assigning(attributesOf(set));
  const gone = removed.flatMap((name) =>
    name === "debt" ? [fieldOf(name).letter, OWED_SINCE] : [fieldOf(name).letter],
  );
  return {
    expression: `SET ${assignments}${gone.length > 0 ? ` REMOVE ${gone.join(", ")}` : ""}`,
    values,
  };
}

/** The attributes that a sweep reads. */
export const SIGHTED = `${TABLE.partitionKey}, ${TABLE.sortKey}, q, d, l, o, W, ${OWED_SINCE}`;

export function sightingOf(item: Item): Sighting {
  const found = runOf(item);
  const { run, shard, state, due, lease } = found;
  const since = item[OWED_SINCE]?.N;
  const host = isClaimed(found) ? found.host : undefined;
  return {
    run,
    shard,
    state,
    due,
    lease,
    ...(host !== undefined && { host }),
    ...(isClaimed(found) && found.isWatched === true && { isWatched: true }),
    ...(since !== undefined && { owedSince: instant(Number(since)) }),
  };
}

/** The letter of the state, for a guard. */
export const stateLetter = (state: State): AttributeValue => text(STATES[state]);
