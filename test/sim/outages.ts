import { type Damage, outage } from "./outage.ts";

/** From a blip to an outage that outlasts the valve of a freeze. */
const OUTAGES = [30, 60, 120, 300, 600, 900, 1200];
const RUNS = 1000;
const DYING = 20;
/** A freeze ends after so many seconds at the latest; whoever is still silent then is judged by the clock. */
const VALVE = 900;

const row = (...cells: readonly (string | number)[]): string =>
  cells.map((cell, index) => String(cell).padStart([10, 22, 20, 30, 38][index] ?? 10)).join("");

/** Prints what each outage did. 0 when nobody healthy was lost while a freeze may last. */
export async function outages(): Promise<number> {
  console.log(`${RUNS} runs, ${DYING} of them die; leases of 120, 60 and 30 s; a tenth goes on when it is cut off`);
  console.log(
    row(
      "outage s",
      "lost though healthy",
      "fenced themselves",
      "of these charged to nothing",
      "found after s: median, longest",
    ),
  );
  let lost = 0;
  const tell = ({ outageSeconds, lostHealthy, fenced, forgiven, found }: Damage): void => {
    console.log(
      row(outageSeconds, lostHealthy, fenced, forgiven, `${found.median.toFixed(0)}, ${found.longest.toFixed(0)}`),
    );
    if (outageSeconds <= VALVE) lost += lostHealthy;
  };
  for (const outageSeconds of OUTAGES) tell(await outage(outageSeconds, RUNS, DYING));
  console.log("3 runs, one of them dies, with leases of 120 s: too few to tell by their silence, but for the canary");
  for (const outageSeconds of OUTAGES) tell(await outage(outageSeconds, 3, 1, [120]));
  console.log(
    `${2 * OUTAGES.length} outages: ${lost} healthy runs were lost while a freeze may last (${VALVE / 60} minutes)`,
  );
  return lost === 0 ? 0 : 1;
}
