import { seededDice } from "./dice.ts";
import { type Damage, type Leases, play, type Scenario } from "./outage.ts";

/** From a blip to an outage that is longer than a verdict may wait. */
const LENGTHS = [30, 41, 60, 70, 90, 120, 301, 607, 900, 1200];
const MIXED: Leases = [120, 120, 120, 60, 60, 30];
/**
 * No verdict waits longer than this beyond its lease, in seconds. A run that is still silent then is judged by the
 * clock.
 */
const VALVE = 900;

const row = (name: string, ...cells: readonly (string | number)[]): string =>
  name.padEnd(62) + cells.map((cell, index) => String(cell).padStart([12, 10, 12, 18][index] ?? 10)).join("");

const tell = (name: string, { lostHealthy, fenced, forgiven, found }: Damage): void =>
  console.log(row(name, lostHealthy, fenced, forgiven, `${found.median.toFixed(0)}, ${found.longest.toFixed(0)}`));

/** What must not happen, in sentences. They are printed when they are found. */
class Faults {
  count = 0;

  expect(isSo: boolean, what: string): void {
    if (isSo) return;
    this.count += 1;
    console.log(`FAULT ${what}`);
  }
}

/** One outage of each length, for a fleet of any size. */
async function single(name: string, scenario: Scenario, faults: Faults): Promise<void> {
  for (const length of LENGTHS) {
    const damage = await play({ ...scenario, away: [[0, length]] }, length);
    tell(`${name}: away for ${length} s`, damage);
    if (length <= VALVE) faults.expect(damage.lostHealthy === 0, `${damage.lostHealthy} healthy runs were lost`);
  }
}

/** Outages of this length, which the lease outlasts: no work is stopped, and no run is lost. */
async function outlasted(name: string, scenario: Scenario, length: number, faults: Faults): Promise<void> {
  let stopped = 0;
  for (let seed = 1; seed <= DRAWN; seed += 1) {
    const { lostHealthy, fenced } = await play({ ...scenario, away: [[0, length]] }, seed);
    stopped += lostHealthy + fenced;
  }
  console.log(row(`${name}: ${DRAWN} outages of ${length} s`, stopped));
  faults.expect(stopped === 0, `${stopped} runs were stopped or lost in outages that their lease outlasts`);
}

type Bounds = readonly [from: number, to: number];
const DRAWN = 40;

const MINUTES = Array.from({ length: 30 }, (_, index) => index + 1);

/** Two outages of 15 minutes with every gap from 1 to 30 minutes; and two of any length. */
async function pairs(name: string, scenario: Scenario, faults: Faults): Promise<void> {
  let lost = 0;
  for (const gap of MINUTES) {
    const long = await play(
      {
        ...scenario,
        away: [
          [0, VALVE],
          [gap * 60, VALVE],
        ],
      },
      gap,
    );
    const short = await play(
      {
        ...scenario,
        away: [
          [0, 29 * gap],
          [gap * 60, (gap * 211) % VALVE],
        ],
      },
      100 + gap,
    );
    lost += long.lostHealthy + short.lostHealthy;
  }
  console.log(row(`${name}: ${2 * MINUTES.length} pairs of outages, 1 to 30 minutes apart`, lost));
  faults.expect(lost === 0, `${lost} healthy runs were lost in pairs of outages`);
}

/** Many outages, of lengths that are drawn to the second, so that a sweep meets their ends at any time. */
async function drawn(name: string, scenario: Scenario, [from, to]: Bounds, faults: Faults): Promise<void> {
  let lost = 0;
  for (let seed = 1; seed <= DRAWN; seed += 1) {
    const length = seededDice(seed).between(from, to);
    lost += (await play({ ...scenario, away: [[0, length]] }, seed)).lostHealthy;
  }
  console.log(row(`${name}: ${DRAWN} outages of ${from} to ${to} s`, lost));
  faults.expect(lost === 0, `${lost} healthy runs were lost in outages of drawn lengths`);
}

/** A real loss while the canary gets through and others beat. It is found within a lease and two sweeps. */
async function loss(name: string, scenario: Scenario, within: number, faults: Faults): Promise<void> {
  const damage = await play(scenario, 1);
  tell(name, damage);
  faults.expect(damage.lostHealthy === 0, `${damage.lostHealthy} healthy runs were lost`);
  faults.expect(
    damage.dead > 0 && damage.found.longest <= within,
    `found after ${damage.found.longest} s, not ${within}`,
  );
}

/** Plays them all. Returns 0 if no healthy run was lost while a verdict waits, and real losses were found in time. */
export async function outages(): Promise<number> {
  const faults = new Faults();
  console.log(row("", "lost healthy", "fenced", "forgiven", "found: median, longest s"));
  const many = { runs: 1000, leases: MIXED, goOn: 10, dying: 20 };
  await single("1,000 runs, 20 die", many, faults);
  await single("3 runs with leases of 120 s, 1 dies", { runs: 3, leases: [120], goOn: 10, dying: 1 }, faults);
  await single("3 runs with leases of 60 s", { runs: 3, leases: [60], goOn: 100 }, faults);
  await single("2 runs with leases of 30 s", { runs: 2, leases: [30], goOn: 100 }, faults);
  await single("40 runs, half of them draining", { runs: 40, leases: [120], goOn: 100, isHalfDrained: true }, faults);
  await single("60 runs, the sweeps are away too", { runs: 60, leases: MIXED, goOn: 100, isAllAway: true }, faults);
  await single("3 runs, the sweeps are away too", { runs: 3, leases: [120, 60], goOn: 100, isAllAway: true }, faults);
  await pairs("60 runs on 30 hosts", { runs: 60, runsPerHost: 2, leases: MIXED, goOn: 100 }, faults);
  await pairs("3 runs", { runs: 3, leases: [120, 60], goOn: 100 }, faults);
  const long = { runs: 60, runsPerHost: 6, leases: [120] as const, goOn: 100 };
  await drawn("60 runs on 10 hosts, all is away", { ...long, isAllAway: true }, [20, 900], faults);
  await drawn(
    "40 runs on 8 hosts, leases of 60 s, all is away",
    { ...long, runs: 40, runsPerHost: 5, leases: [60], isAllAway: true },
    [95, 900],
    faults,
  );
  await drawn(
    "60 runs, mixed leases, all is away",
    { ...long, runsPerHost: 1, leases: MIXED, isAllAway: true },
    [95, 900],
    faults,
  );
  await drawn(
    "15 runs on 8 hosts, leases of 30 s to half an hour",
    { ...long, runs: 15, runsPerHost: 2, leases: [1800, 30, 600] },
    [30, 900],
    faults,
  );
  const rare = { runs: 40, runsPerHost: 1, goOn: 100 };
  await outlasted("40 runs with leases of 10 minutes", { ...rare, leases: [600] }, 420, faults);
  await outlasted("40 runs with leases of 20 minutes", { ...rare, leases: [1200] }, 870, faults);
  await drawn("40 runs with leases of 10 minutes", { ...rare, leases: [600], isAllAway: true }, [420, 900], faults);
  await drawn(
    "40 runs, half of them draining",
    { ...long, runs: 40, runsPerHost: 1, isHalfDrained: true },
    [30, 900],
    faults,
  );
  const fleet = { runs: 90, runsPerHost: 2, leases: [120] as const, goOn: 10 };
  // A sweep declares one in a hundred runs lost, but at least five: 30 runs take six sweeps.
  await loss("a zone of three is gone: 15 hosts of 45", { ...fleet, hostsDying: 15 }, 120 + 60, faults);
  await loss(
    "one node with all of a team's five runs",
    { runs: 5, runsPerHost: 5, leases: [120], goOn: 10, hostsDying: 1 },
    120 + 20,
    faults,
  );
  await loss("5 of 8 test hosts", { runs: 8, leases: [30], goOn: 10, hostsDying: 5 }, 30 + 20, faults);
  await loss(
    "5 hosts of 40 while half of the others drain",
    { runs: 40, leases: [120], goOn: 10, hostsDying: 5, isHalfDrained: true },
    120 + 20,
    faults,
  );
  await loss(
    "4 hosts of 6 without a canary",
    { runs: 6, leases: [120], goOn: 10, hostsDying: 2, hasCanary: false },
    120 + 20,
    faults,
  );
  console.log(
    `outages of at most ${VALVE / 60} minutes, alone and in pairs, and losses beside others: ${faults.count} faults`,
  );
  return faults.count === 0 ? 0 : 1;
}
