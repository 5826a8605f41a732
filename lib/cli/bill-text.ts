import { ASSUMED, LEFT_OUT } from "../cost/assumptions.ts";
import { type Bill, billOf, type Group, type Line } from "../cost/bill.ts";
import { PRICES_AS_OF, REGION } from "../cost/prices.ts";

const LABEL = 24;
const COLUMN = 14;
const WIDTH = 80;

const counting = (value: number, digits: number): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

const dollars = (usd: number, digits = 2): string => `$${counting(usd, digits)}`;

/** Large amounts in whole units; small ones with a few digits. */
const unitsOf = ({ units, unit }: Line): string =>
  `${counting(units, Number.isInteger(units) || units >= 100 ? 0 : 3)} ${unit}`;

const row = (label: string, cells: readonly string[]): string =>
  `${label.padEnd(LABEL)}${cells.map((cell) => cell.padStart(COLUMN)).join("")}`.trimEnd();

/** The items side by side, with two subtotals. If there is only one fleet, the counted units stand beside it. */
function table(bills: readonly [Bill, ...Bill[]]): readonly string[] {
  const [first] = bills;
  const itemRow = ({ item }: Line, index: number): string => {
    const cells = bills.map(({ lines }) => dollars(lines[index]?.usd ?? 0));
    const line = bills.length === 1 ? first.lines[index] : undefined;
    return `${row(`  ${item}`, cells)}${line === undefined ? "" : `   ${unitsOf(line)}`}`;
  };
  const of = (group: Group): readonly string[] =>
    first.lines.flatMap((line, index) => (line.group === group ? [itemRow(line, index)] : []));
  return [
    row(
      "live runs",
      bills.map(({ load }) => counting(load.runs, 0)),
    ),
    ...of("plumbing"),
    row(
      "plumbing",
      bills.map(({ plumbing }) => dollars(plumbing)),
    ),
    ...of("watching"),
    row(
      "secret and watching",
      bills.map(({ watching }) => dollars(watching)),
    ),
    row(
      "a month",
      bills.map(({ total }) => dollars(total)),
    ),
  ];
}

/** The words in lines of a terminal's width. All lines but the first are indented. */
function filled(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

/** The figure by which services are compared, because it does not grow with the fleet. */
function perThousand({ load, perThousandRunnerHours }: Bill): string {
  const minute = billOf({ ...load, beatSeconds: 60 }).perThousandRunnerHours;
  const beside = load.beatSeconds === 60 ? "" : `; ${dollars(minute, 3)} at one beat a minute`;
  return `per 1,000 runner-hours  ${dollars(perThousandRunnerHours, 3)} for beats and sweeps${beside}`;
}

/** A warning if the sweep of a fleet takes longer than the time between two sweeps. */
const slowSweeps = (bills: readonly Bill[]): readonly string[] =>
  bills
    .filter(({ load, sweepTakes }) => sweepTakes > load.sweepSeconds)
    .map(({ load, sweepTakes }) =>
      filled(
        `With ${counting(load.runs, 0)} runs one sweep reads for about ${counting(sweepTakes, 0)} s: verdicts come that ` +
          "much later, and it needs more memory than the bill assumes, at about the same price.",
      ),
    );

/** The bill for people, with several fleets side by side. `isStale`: the prices are more than a year old. */
export function billText(bills: readonly [Bill, ...Bill[]], isStale: boolean): string {
  const [first] = bills;
  const { beatSeconds, runHours, lossesPerThousand, frontDoor, sweepSeconds, beatMs, observability } = first.load;
  const stale = isStale ? " (more than a year old: look them up)" : "";
  return [
    `US dollars a month in ${REGION}, at list prices of ${PRICES_AS_OF}${stale}`,
    filled(
      `Front door ${frontDoor}, a beat each ${beatSeconds} s of ${beatMs} ms, runs of ${runHours} h, ` +
        `${lossesPerThousand} losses per 1,000 runs, a sweep each ${sweepSeconds} s, observability ${observability}.`,
    ),
    "",
    ...table(bills),
    "",
    perThousand(first),
    ...slowSweeps(bills),
    "",
    filled(`While Lambda keeps 5 pollers on each queue, SQS costs ${dollars(first.morePollers)} more.`),
    filled(`Assumed: ${ASSUMED.join("; ")}.`),
    filled(`Left out: ${LEFT_OUT.join(", ")}.`),
    "",
  ].join("\n");
}
