import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { dynamoDbLocalEngine } from "../test/contract/engines.ts";
import { billFigures, dollars } from "./bill.ts";
import { detection } from "./detection.ts";
import { type Figure, isKept, table } from "./figure.ts";
import { handlers } from "./handler.ts";
import { reaps } from "./reaps.ts";
import { beatUnits, runItemBytes, sweepCost, unitFigures } from "./units.ts";

/**
 * `npm run bench`: what Lastbeat costs and how fast it is, in one table; `--json FILE` stores it. Units are counted,
 * money follows from them, latencies of AWS are modelled, and times of this machine stand beside a calibration. It
 * fails if a figure is beyond what is promised.
 */
const { values } = parseArgs({ options: { json: { type: "string" } } });

/** These run as processes of their own, with a memory and an environment of their own. */
const MILLION = fileURLToPath(new URL("million.ts", import.meta.url));
const RECLAIM = fileURLToPath(new URL("reclaim.ts", import.meta.url));

type Million = {
  readonly wallSeconds: number;
  readonly peakMb: number;
  readonly beats: number;
  readonly refused: number;
  readonly frozen: number;
  readonly findable: number;
  readonly reaped: number;
  readonly announced: number;
  readonly claimed: number;
  readonly digest: string;
};

async function million(...more: readonly string[]): Promise<Million> {
  const flags = ["--max-old-space-size=400", "--max-semi-space-size=8"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, MILLION, ...more]);
  return JSON.parse(stdout) as Million;
}

async function millionFigures(calibrated: number): Promise<readonly Figure[]> {
  const whole = await million();
  const small = ["--runs", "20000", "--deaths", "500"];
  const [one, again, other] = [
    await million(...small),
    await million(...small),
    await million(...small, "--seed", "2"),
  ];
  const isSame = one.digest === again.digest && one.digest !== other.digest;
  const { reaped, announced, claimed, findable } = whole;
  const isFound = reaped >= findable && announced === reaped && claimed === reaped;
  return [
    {
      name: "1,000,000 runners for an hour, 60,000,000 beats",
      value: whole.wallSeconds,
      unit: "s",
      atMost: 120,
      beside: "one thread, through the use cases",
    },
    { name: "the same, divided by the calibration", value: (whole.wallSeconds * 1000) / calibrated, unit: "times" },
    { name: "the same, peak memory", value: whole.peakMb, unit: "MB", atMost: 512 },
    { name: "the same, live runs declared lost or refused", value: whole.refused + whole.frozen, unit: "", atMost: 0 },
    {
      name: "the same, runners that died and were found, announced and claimed again",
      value: isFound ? reaped : 0,
      unit: "",
      atLeast: findable,
      beside: "the lease of a runner that died in the last five minutes may not be over",
    },
    {
      name: "the same seed gives the same digest, another seed another (20,000 runners)",
      value: isSame ? 1 : 0,
      unit: "",
      atLeast: 1,
    },
  ];
}

/** How long this machine takes for a fixed loop, in ms. Its other times can be compared by that. */
function calibration(): number {
  const started = performance.now();
  let state = 1;
  for (let n = 0; n < 50_000_000; n += 1) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  if (state === 0) throw new Error("the loop was not run");
  return performance.now() - started;
}

const say = (what: string): void => console.error(`... ${what}`);
const engine = await dynamoDbLocalEngine();
// dynalite returns no item with a refused write, so a refused beat would seem to take a read.
if ("missing" in engine) throw new Error(`units are counted on DynamoDB Local, and ${engine.missing}`);
const calibrated = calibration();
say("units");
const beats = await beatUnits(engine);
const sweeps = await sweepCost(engine);
await engine.stop();
say("processor and cold starts");
const { figures: handlerFigures, requestBytes } = await handlers();
say("verdicts, detection");
const timed = [...(await reaps()), ...(await detection())];
say("a mass reclaim");
const reclaimed = JSON.parse((await promisify(execFile)(process.execPath, [RECLAIM])).stdout) as readonly Figure[];
say("a million runners");
const large = await millionFigures(calibrated);

const bytes = runItemBytes();
const counted = {
  wruPerBeat: beats["accepted"]?.wru ?? Number.NaN,
  requestsPerBeat: beats["accepted"]?.requests ?? Number.NaN,
  rruPerSweep: sweeps.rruOverThousand,
};
const money = dollars(counted);
const figures: readonly Figure[] = [
  ...unitFigures(beats, bytes, sweeps),
  { name: "request of a beat: path, token, body", value: requestBytes, unit: "B", beside: "12 B of information" },
  ...billFigures(counted, money),
  ...handlerFigures,
  ...timed,
  ...reclaimed,
  ...large,
  { name: "calibration: 50,000,000 steps of a generator", value: calibrated, unit: "ms" },
];
console.log(table(figures));
const missed = figures.filter((figure) => !isKept(figure));
console.log(`\n${figures.length} figures, ${missed.length} beyond what is promised`);
if (values.json !== undefined) {
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model,
    arch: arch(),
    kernel: release(),
    node: process.version,
  };
  const json = {
    date: new Date().toISOString().slice(0, 10),
    machine,
    beat: beats["accepted"],
    runItemBytes: bytes,
    ...money,
    sweep: sweeps,
    figures,
  };
  writeFileSync(values.json, `${JSON.stringify(json, undefined, 2)}\n`);
}
process.exitCode = missed.length === 0 ? 0 : 1;
