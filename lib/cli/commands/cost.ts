import { ASSUMED, LEFT_OUT } from "../../cost/assumptions.ts";
import { billOf } from "../../cost/bill.ts";
import { areStale, FRONT_DOORS, PRICES_AS_OF, REGION } from "../../cost/prices.ts";
import { type Load, OBSERVABILITIES, USUAL } from "../../cost/workload.ts";
import { billText } from "../bill-text.ts";
import type { Answer, LocalCommand } from "../command.ts";
import { SWITCH, TEXT } from "../common-options.ts";
import { UsageError } from "../errors.ts";
import { type Flags, numberWithin, textFlag, wholeWithin } from "../flags.ts";

/** The fleets that are shown side by side when no fleet is named. */
const FLEETS = [0, 100, 10_000, 1_000_000] as const;
/** A hundred times the largest fleet of the design. Beyond that, the quotas of an account matter more than prices. */
const MOST_RUNS = 100_000_000;

function oneOf<T extends string>(flags: Flags, name: string, choices: readonly T[], standard: T): T {
  const value = textFlag(flags, name) ?? standard;
  const chosen = choices.find((choice) => choice === value);
  if (chosen === undefined) throw new UsageError(`--${name} takes one of ${choices.join(", ")}; not "${value}"`);
  return chosen;
}

/** The loads that the options describe: one, or one for each fleet when the number of runs is not given. */
function loadsOf(flags: Flags): readonly Load[] {
  const load = {
    beatSeconds: numberWithin(flags, "beat", USUAL.beatSeconds, 1, 3600),
    runHours: numberWithin(flags, "hours", USUAL.runHours, 0.01, 8784),
    lossesPerThousand: numberWithin(flags, "losses", USUAL.lossesPerThousand, 0, 10_000),
    frontDoor: oneOf(flags, "front-door", FRONT_DOORS, USUAL.frontDoor),
    sweepSeconds: wholeWithin(flags, "sweep", USUAL.sweepSeconds, 1, 60),
    beatMs: numberWithin(flags, "beat-ms", USUAL.beatMs, 1, 30_000),
    observability: oneOf(flags, "observability", OBSERVABILITIES, USUAL.observability),
  };
  const runs = textFlag(flags, "runs") === undefined ? FLEETS : [wholeWithin(flags, "runs", 0, 0, MOST_RUNS)];
  return runs.map((each) => ({ runs: each, ...load }));
}

/** A monthly bill from counted units and list prices. It calls neither the API nor AWS. `now`: Unix milliseconds. */
export function monthlyBill(flags: Flags, now: number): Answer {
  const [first, ...rest] = loadsOf(flags).map(billOf);
  if (first === undefined) throw new Error("there is no load to make a bill of");
  const bills = [first, ...rest] as const;
  const isStale = areStale(now);
  return {
    json: { region: REGION, pricesAsOf: PRICES_AS_OF, isStale, bills, assumed: ASSUMED, leftOut: LEFT_OUT },
    text: billText(bills, isStale),
  };
}

export const cost: LocalCommand = {
  usage: `  lastbeat cost [--runs N] [--beat S] [--hours H] [--front-door DOOR] [--json]
      what it costs on AWS in a month, from counted units and list prices
`,
  help: `lastbeat cost [options] [--json]

Prints what Lastbeat costs on AWS in a month, item by item: units that tests have counted,
at the list prices of us-east-1, without free tiers. It prints the date of the prices,
what is assumed and what is left out. It calls neither the API nor AWS.

  --runs N             live runs, on average (default: 0, 100, 10000 and 1000000 side by
                       side)
  --beat S             seconds between two beats of a run (1 to 3600; 30)
  --hours H            how long a run lives (0.01 to 8784; 1)
  --losses N           attempts that fall silent per 1,000 runs (0 to 10000; 10)
  --front-door http-api|function-url|rest-api
                       how requests come in (http-api)
  --sweep S            seconds between two sweeps (1 to 60; 10)
  --beat-ms N          billed milliseconds of a beat (1 to 30000; 8)
  --observability none|alarms|full
                       nothing, alarms, or alarms and a dashboard (alarms)
  --json               the same numbers as JSON, with the units

Exit codes: 0 done; 2 wrong usage.
`,
  options: {
    runs: TEXT,
    beat: TEXT,
    hours: TEXT,
    losses: TEXT,
    "front-door": TEXT,
    sweep: TEXT,
    "beat-ms": TEXT,
    observability: TEXT,
    json: SWITCH,
  },
  takes: [],
  answer: async (_, flags) => monthlyBill(flags, Date.now()),
};
