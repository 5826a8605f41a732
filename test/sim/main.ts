import { parseArgs } from "node:util";
import { transitions } from "../../lib/core/transitions.ts";
import { BUGS, caught } from "./bugs.ts";
import { outages } from "./outages.ts";
import { type Outcome, schedule } from "./schedule.ts";

const { values } = parseArgs({
  options: {
    /** How many schedules to run, each twice. */
    seeds: { type: "string", default: "500" },
    first: { type: "string", default: "0" },
    /** Print the whole schedule of one seed. */
    trace: { type: "string" },
    /** Then play the outages of a whole fleet, and plant each known bug in a copy of the source: is it found? */
    bugs: { type: "boolean", default: true },
    /** Stop at the first violation and print only that. It is for the planted bugs. */
    hunt: { type: "boolean", default: false },
    /** Only the outages of whole fleets. */
    outages: { type: "boolean", default: false },
  },
  allowNegative: true,
});

/** Runs a seed twice. It is a violation if the two logs differ. */
async function twice(seed: number): Promise<Outcome> {
  const one = await schedule(seed);
  const other = await schedule(seed);
  if (one.fingerprint === other.fingerprint) return one;
  const at = one.trace.findIndex((line, index) => line !== other.trace[index]);
  return { ...one, violation: `two runs of one seed differ: "${one.trace[at]}" and "${other.trace[at]}"` };
}

function printTrace(outcome: Outcome): void {
  for (const line of outcome.trace) console.log(line);
}

/** The moves that the table of transitions allows but no schedule made. A move to the same state does not count. */
function movesMissing(made: ReadonlySet<string>): string[] {
  const declared = Object.entries(transitions).flatMap(([from, events]) =>
    Object.values(events).flatMap(({ next }) => next.filter((to) => to !== from).map((to) => `${from} -> ${to}`)),
  );
  return [...new Set(declared)].filter((move) => !made.has(move));
}

async function hunt(first: number, seeds: number): Promise<number> {
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { violation } = await schedule(seed);
    if (violation !== undefined) {
      console.log(`seed ${seed}: ${violation}`);
      return 1;
    }
  }
  return 0;
}

async function explore(first: number, seeds: number): Promise<number> {
  const began = performance.now();
  const counts = new Map<string, number>();
  const moves = new Set<string>();
  let steps = 0;
  let violations = 0;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const outcome = await twice(seed);
    steps += outcome.steps;
    for (const [what, count] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    for (const move of outcome.moves) moves.add(move);
    if (outcome.violation !== undefined) {
      violations += 1;
      console.log(`seed ${seed}: ${outcome.violation}   (npm run sim -- --trace ${seed})`);
    }
  }
  const missing = movesMissing(moves);
  for (const [what, count] of [...counts].sort(([one], [other]) => (one < other ? -1 : 1)))
    console.log(`${String(count).padStart(8)}  ${what}`);
  const took = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${seeds} schedules, each twice, ${steps} steps, ${moves.size} kinds of moves, ${took} s: ${violations} violations`,
  );
  if (missing.length > 0 && seeds >= 500)
    console.log(`moves of the table that no schedule made: ${missing.join(", ")}`);
  return violations === 0 && (missing.length === 0 || seeds < 500) ? 0 : 1;
}

/** Two at a time, because a machine that builds this has at least two processors. */
async function plant(): Promise<number> {
  let missed = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let bug = BUGS[next++]; bug !== undefined; bug = BUGS[next++]) {
      const { isCaught, said } = await caught(bug);
      console.log(`${isCaught ? "caught" : "MISSED"}  ${bug.name}: ${said}`);
      if (!isCaught) missed += 1;
    }
  };
  await Promise.all([worker(), worker()]);
  console.log(`${BUGS.length - missed} of ${BUGS.length} planted bugs caught`);
  return missed === 0 ? 0 : 1;
}

const first = Number(values.first);
const seeds = Number(values.seeds);
if (values.trace !== undefined) {
  const outcome = await schedule(Number(values.trace));
  printTrace(outcome);
  process.exitCode = outcome.violation === undefined ? 0 : 1;
} else if (values.outages) process.exitCode = await outages();
else if (values.hunt) process.exitCode = await hunt(first, seeds);
else {
  const found = await explore(first, seeds);
  process.exitCode = values.bugs ? Math.max(found, await outages(), await plant()) : found;
}
