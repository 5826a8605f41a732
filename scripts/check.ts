import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BUGS } from "../test/sim/bugs.ts";

/** How much a gate looked at, by the word for it. A gate that looked at nothing has failed, whatever its exit code. */
type Looked = Readonly<Record<string, number>>;

type Gate = {
  readonly name: string;
  /** What it has to see at least; 1 of everything else. */
  readonly floors: Looked;
  readonly command: readonly [string, ...string[]];
  looked(output: string): Looked;
};

/** The number in the last place where the output says `pattern`; 0 when it says it nowhere. */
const numberIn = (output: string, pattern: RegExp): number => Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);

/** A line that is the path of a source and nothing else, as the compiler lists what it read. */
const isPath = (line: string): boolean => /^[^\s():]*\.[cm]?ts$/.test(line);

const oursIn = (output: string): number =>
  output.split("\n").filter((line) => isPath(line) && !line.includes("node_modules")).length;

/** The folders with a coverage threshold. One that holds nothing would pass it. */
const COVERED = [
  "lib/core",
  "lib/app",
  "lib/wire",
  "lib/adapters/memory",
  "lib/adapters/aws",
  "lib/agent",
  "lib/stack",
  "lib/cost",
  "lambdas",
  "cdk",
] as const;

function coverage(): Looked {
  const files = Object.keys(JSON.parse(readFileSync("coverage/coverage-summary.json", "utf8")) as object).map((file) =>
    relative(".", file),
  );
  return Object.fromEntries(
    COVERED.map((folder) => [`in ${folder}`, files.filter((file) => file.startsWith(`${folder}/`)).length]),
  );
}

/**
 * The floors are about 80 % of what there was in November 2026: a refactoring may take some away, and a folder that is no
 * longer looked at takes more. A commit that takes more away on purpose lowers the floor, and says why.
 */
const TEST_FLOORS: Looked = {
  tests: 2500,
  "test files": 75,
  "in lib/core": 16,
  "in lib/app": 15,
  "in lib/wire": 11,
  "in lib/adapters/memory": 3,
  "in lib/adapters/aws": 15,
  "in lib/agent": 12,
  "in lib/stack": 12,
  "in lib/cost": 5,
  "in lambdas": 10,
  "in cdk": 18,
};

/** `npm run check -- --tested FILE`: what `npm test -- --coverage` has printed and passed just now is not run again. */
const { values, positionals: words } = parseArgs({ options: { tested: { type: "string" } }, allowPositionals: true });

const GATES: readonly Gate[] = [
  {
    name: "format and lint",
    floors: { files: 200 },
    command: ["biome", "check", "--error-on-warnings", "--colors=off"],
    looked: (output) => ({ files: numberIn(output, /Checked (\d+) files/g) }),
  },
  {
    name: "types",
    floors: { files: 190 },
    command: ["tsc", "--project", ".", "--listFiles"],
    looked: (output) => ({ files: oursIn(output) }),
  },
  {
    name: "types of the core, without Node",
    floors: { files: 16 },
    command: ["tsc", "--project", "lib/core", "--listFiles"],
    looked: (output) => ({ files: oursIn(output) }),
  },
  {
    name: "tests and their coverage",
    floors: TEST_FLOORS,
    command: values.tested === undefined ? ["vitest", "run", "--coverage"] : ["cat", values.tested],
    looked: (output) => ({
      // Nothing counts of a run that fell below a threshold.
      tests: output.includes("ERROR: Coverage") ? 0 : numberIn(output, /^(\d+) passed, 0 failed$/gm),
      skipped: numberIn(output, /^(\d+) skipped$/gm),
      "test files": numberIn(output, /^(\d+) test files$/gm),
      ...coverage(),
    }),
  },
  {
    name: "dead code",
    floors: { files: 190 },
    command: [
      "knip",
      "--treat-config-hints-as-errors",
      "--reporter",
      "symbols",
      "--reporter",
      "./scripts/knip-counts.ts",
    ],
    looked: (output) => ({ files: numberIn(output, /^(\d+) files in use$/gm) }),
  },
  {
    name: "simulator",
    floors: { schedules: 500, "planted bugs": 75, "planted bugs caught": BUGS.length },
    command: ["npm", "run", "--silent", "sim", "--", "--seeds", "1000"],
    looked: (output) => ({
      schedules: numberIn(output, /^(\d+) schedules, each twice/gm),
      steps: numberIn(output, /, (\d+) steps, /g),
      "planted bugs": numberIn(output, /^\d+ of (\d+) planted bugs caught$/gm),
      "planted bugs caught": numberIn(output, /^(\d+) of \d+ planted bugs caught$/gm),
    }),
  },
  {
    // It fails by itself when an event is lost, or a notice takes a second to become a message.
    name: "burst of events",
    floors: { events: 1500, "hosts of ours": 200 },
    command: ["npm", "run", "--silent", "burst", "--", "--events", "1500", "--ours", "200"],
    looked: (output) => ({
      events: numberIn(output, /^(\d+) events, \d+ of them/gm),
      "hosts of ours": numberIn(output, /^\d+ events, (\d+) of them/gm),
    }),
  },
  {
    // By the CDK's own command line, without credentials: cdk-nag's errors end it.
    name: "synthesis",
    floors: { resources: 80 },
    command: ["npm", "run", "--silent", "synth"],
    looked: (output) => ({ resources: numberIn(output, /^(\d+) resources$/gm) }),
  },
  {
    name: "installed package",
    floors: { files: 20, resources: 60 },
    command: ["npm", "run", "--silent", "smoke"],
    looked: (output) => ({
      files: numberIn(output, /^(\d+) files installed$/gm),
      resources: numberIn(output, /^(\d+) resources embedded$/gm),
    }),
  },
];

// Started as `node scripts/check.ts` it finds the same tools, and the same Node, as by npm run.
const ENVIRONMENT = {
  ...process.env,
  NO_COLOR: "1",
  PATH: [resolve("node_modules/.bin"), process.env["PATH"]].join(delimiter),
};

function outputOf([file, ...args]: Gate["command"]): Promise<{ output: string; code: number }> {
  return new Promise((done, reject) => {
    let output = "";
    const child = spawn(file, args, { env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    child.once("error", reject);
    child.once("close", (code) => done({ output, code: code ?? 1 }));
  });
}

/** Skipped tests are counted to be seen: without a JDK some are. */
const leastOf = (floors: Looked, what: string): number => floors[what] ?? (what === "skipped" ? 0 : 1);

async function passes({ name, command, floors, looked }: Gate): Promise<boolean> {
  const start = performance.now();
  const { output, code } = await outputOf(command);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const counts = code === 0 ? Object.entries(looked(output)) : [];
  const isGood = code === 0 && counts.every(([what, count]) => count >= leastOf(floors, what));
  const saw =
    code === 0
      ? counts
          .map(
            ([what, count]) =>
              `${count} ${what}${count < leastOf(floors, what) ? ` (too few: ${leastOf(floors, what)})` : ""}`,
          )
          .join(", ")
      : `exit code ${code}`;
  if (!isGood)
    console.log(
      output
        .split("\n")
        .filter((line) => !isPath(line))
        .join("\n"),
    );
  console.log(`${isGood ? "ok    " : "FAILED"}  ${name.padEnd(32)} ${saw}  (${seconds} s)`);
  return isGood;
}

/** All gates, or those whose names contain one of the words: `npm run check -- types coverage`. */
const wanted = GATES.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (wanted.length === 0) throw new Error(`no gate is named like ${words.join(" or ")}`);
for (const gate of wanted) {
  if (!(await passes(gate))) {
    process.exitCode = 1;
    break;
  }
}
