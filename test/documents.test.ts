import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isKept } from "../bench/figure.ts";
import { type Kept, performancePage } from "../bench/page.ts";
import { COMMANDS, USAGE } from "../lib/cli/commands.ts";
import { PROBLEMS } from "../lib/wire/problems.ts";
import { ROUTES } from "../lib/wire/routes.ts";
import { transitionsPage } from "../scripts/transitions.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const page = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const PAGES = ["", "docs", "docs/decisions"].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(folder, file)),
);

test("the page of transitions is as the table says", () => {
  expect(page("docs/transitions.md")).toBe(transitionsPage());
});

test("the page of the protocol names every call and every problem", () => {
  const protocol = page("docs/protocol.md");
  for (const { method, path } of Object.values(ROUTES)) expect(protocol).toContain(`${method} ${path}`);
  for (const name of Object.keys(PROBLEMS)) expect(protocol).toContain(`\`${name}\``);
});

test("the page of problems has a heading for each, with its status", () => {
  const headings = [...page("docs/problems.md").matchAll(/^## ([\w-]+)\n\n(\d{3})\. /gm)];
  expect(headings.map(([, name, status]) => [name, Number(status)])).toEqual(
    Object.entries(PROBLEMS).map(([name, { status }]) => [name, status]),
  );
});

test("the index of the pages has each of them", () => {
  const index = page("docs/README.md");
  const pages = readdirSync(join(ROOT, "docs")).filter((file) => file.endsWith(".md") && file !== "README.md");
  expect(pages.length).toBeGreaterThan(6);
  for (const file of pages) expect(index).toContain(`](${file})`);
});

test("every setting has a check where it can be wrong, a way to be read, and a line for the reader", () => {
  const fieldsOf = (path: string, pattern: RegExp): readonly string[] =>
    [...page(path).matchAll(pattern)].map(([, name = ""]) => name);
  const all = page("cdk/props.ts");
  const props = [...all.slice(all.indexOf("export type LastbeatProps")).matchAll(/^ {2}readonly (\w+)\?:/gm)].map(
    ([, name = ""]) => name,
  );
  expect(props.length).toBeGreaterThan(25);
  // Constructs of the CDK cannot be said by a text; docs/deploy.md names them beside the settings that can.
  const read = fieldsOf("cdk/context.ts", /^ {2}(\w+): as\w+,$/gm);
  const deploy = page("docs/deploy.md");
  for (const name of props) expect([name, deploy.includes(`\`${name}\``)]).toEqual([name, true]);
  for (const name of read) expect(props).toContain(name);
});

test("every command is a module with its line and its page, and each option has a line there", () => {
  const modules = globSync("lib/cli/commands/*.ts", { cwd: ROOT }).map((path) => basename(path, ".ts"));
  expect(modules.length).toBeGreaterThan(12);
  expect([...COMMANDS.keys()].sort()).toEqual(modules.sort());
  for (const [name, { usage, help, options }] of COMMANDS) {
    expect([name, usage.startsWith(`  lastbeat ${name} `)]).toEqual([name, true]);
    expect(USAGE).toContain(usage);
    for (const option of Object.keys(options))
      expect([name, option, help.includes(`  --${option}`)]).toEqual([name, option, true]);
  }
});

test("every step of the lists of CONTRIBUTING names files that are there", () => {
  const all = page("CONTRIBUTING.md");
  const part = all.slice(all.indexOf("## How something new is added"), all.indexOf("## Conventions"));
  const lists = part.split(/^\*\*/m).slice(1);
  expect(lists.map((list) => list.split("**")[0])).toEqual([
    "An event source of AWS",
    "A command",
    "A target",
    "An agent",
    "A setting",
  ]);
  const paths = [...part.matchAll(/`([a-z][\w./-]*\/[\w./-]+)`/g)].map(([, path = ""]) => path);
  expect(paths.length).toBeGreaterThan(15);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  for (const list of lists.slice(0, 4)) expect([...list.matchAll(/^\d\. /gm)]).toHaveLength(5);
});

test("every rule for notices has a parser and a doctor who looks for it", () => {
  const rules = [...page("cdk/rules.ts").matchAll(/detailType: \[([^\]]+)\]/g)].flatMap(([, list = ""]) =>
    [...list.matchAll(/"([^"]+)"/g)].map(([, type]) => type),
  );
  const parsers = globSync("lib/evidence/aws/*.ts", { cwd: ROOT }).map(page).join("\n");
  expect(rules.length).toBeGreaterThan(6);
  expect(rules.filter((type) => !parsers.includes(`"${type}"`))).toEqual([]);
});

test("every file and folder that a page links to or names in the layout is there", () => {
  expect(PAGES.length).toBeGreaterThan(5);
  for (const path of PAGES) {
    const links = [...page(path).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, link = ""]) => link);
    for (const link of links) expect([link, exists(join(ROOT, dirname(path), link))]).toEqual([link, true]);
    for (const [, named = ""] of page(path).matchAll(
      /`((?:lib|lambdas|dev|cdk|test|demo|bench|scripts|docs)\/[\w./-]+)`/g,
    ))
      expect([named, exists(join(ROOT, named))]).toEqual([named, true]);
  }
});

const ARCHITECTURE = page("ARCHITECTURE.md");

test("what the architecture names in a file is in that file", () => {
  const pairs = [...ARCHITECTURE.matchAll(/`(\w+)`\s+(?:\(|in )`([\w./-]+\.ts)`/g)];
  expect(pairs.length).toBeGreaterThan(35);
  const missing = pairs.filter(
    ([, symbol, file = ""]) => !new RegExp(`\\b(function|const|type|class) ${symbol}\\b`).test(page(file)),
  );
  expect(missing.map(([all]) => all)).toEqual([]);
});

test("every folder of the layout is there, and every folder that is there is in the layout", () => {
  const layout = [...ARCHITECTURE.slice(0, ARCHITECTURE.indexOf("## The words")).matchAll(/^\| (`[^|]+`) \|/gm)];
  const named = layout.flatMap(([, row = ""]) => [...row.matchAll(/`([\w/]+)`/g)].map(([, folder]) => folder));
  const inLib = readdirSync(join(ROOT, "lib"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `lib/${name}`);
  const others = ["lambdas", "dev", "cdk", "agents", "test", "demo", "examples", "bench", "scripts"];
  expect(named.sort()).toEqual([...inLib, ...others].sort());
});

test("every word that the architecture explains is a word of the code, and of its own tour", () => {
  const [, table = "", ...tour] = ARCHITECTURE.split(/^## (?=The words|One lost run)/m);
  const words = [...table.matchAll(/^\| ([a-z, -]+) \| [a-z1]/gm)].flatMap(([, row = ""]) => row.split(", ")).slice(1);
  expect(words.length).toBeGreaterThan(35);
  const files = globSync(["lib/{core,app,ports,wire,evidence,dispatch,adapters/aws}/**/*.ts"], { cwd: ROOT });
  expect(files.length).toBeGreaterThan(80);
  // Names of code in their parts: "hostDrain" has "host" and "drain". The tour may decline a word: "charged", "sightings".
  const code = new Set(
    files.flatMap(
      (file) =>
        page(file)
          .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
          .toLowerCase()
          .match(/[a-z]+/g) ?? [],
    ),
  );
  expect(words.filter((word) => !word.split(/[ -]/).every((part) => code.has(part)))).toEqual([]);
  const text = tour.join("\n");
  expect(words.filter((word) => !new RegExp(`\\b${word.replace(/[ey]$/, "")}`, "i").test(text))).toEqual([]);
});

/** Our own idiom, which readers stumble over, and what to write instead. */
const STUMBLES: readonly (readonly [RegExp, string])[] = [
  [/\bwhoever\b/i, "name the role: the owner, a consumer, a Lambda"],
  [/\bby now\b/i, "already, or now"],
  [/\b(he|his|him)\b/i, "they, or the role"],
  [/\bwhat stands\b/i, "the attempts on a host"],
  [/\bis no (setting|error of)\b/i, "is not a"],
  [/\bof before there\b/i, "from before"],
  [/\bcannot be had\b/i, "could not be loaded"],
];

test("no page, comment or message has words that readers stumble over", () => {
  const files = [
    ...PAGES,
    ...globSync(["{lib,lambdas,cdk,dev,bench,demo,scripts}/**/*.ts", "agents/go/**/*.{go,txt}", "bin.mjs"], {
      cwd: ROOT,
    }),
  ];
  expect(files.length).toBeGreaterThan(250);
  const found = files.flatMap((file) =>
    page(file)
      .split("\n")
      .flatMap((line, index, all) => {
        // With the first word of the next line: a text is wrapped anywhere.
        const whole = `${line.trimEnd()} ${(all[index + 1] ?? "").replace(/^[\s*/#-]+/, "").split(" ")[0]}`;
        return STUMBLES.filter(([word]) => word.test(whole)).map(([, better]) => `${file}:${index + 1}: ${better}`);
      }),
  );
  expect(found).toEqual([]);
});

test("the commands of the README are those of the package", () => {
  const { scripts } = JSON.parse(page("package.json")) as { scripts: Record<string, string> };
  for (const path of ["README.md", "CONTRIBUTING.md"])
    for (const [, script = ""] of page(path).matchAll(/npm run ([\w-]+)/g))
      expect(Object.keys(scripts)).toContain(script);
  expect(page("README.md")).toContain("npm ci && npm run demo");
  expect(page("README.md")).toContain("npm test");
});

test("the commands of lastbeat that the pages name are those of the command line, or of the binary", () => {
  const ofBinary = [...page("agents/go/main.go").matchAll(/^\tcase "([a-z]+)"/gm)].map(([, name]) => name);
  expect(ofBinary).toContain("install");
  const known = [...[...USAGE.matchAll(/^ {2}lastbeat ([a-z]+)/gm)].map(([, name]) => name), ...ofBinary];
  const named = PAGES.flatMap((path) =>
    [...page(path).matchAll(/(?:`|npx )lastbeat ([a-z]+)/g)].map(([, name]) => name),
  );
  expect(named.length).toBeGreaterThan(3);
  for (const name of named) expect(known).toContain(name);
});

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EISDIR";
  }
}

test("one version of LocalStack is named everywhere, and one of MiniStack", () => {
  const [, localstack = ""] =
    /^localstack-core\[runtime\]==(.+)$/m.exec(page("test/emulated/localstack/requirements.txt")) ?? [];
  const [, ministack = ""] = /^ministack==(.+)$/m.exec(page("test/emulated/ministack/requirements.txt")) ?? [];
  const named = (path: string, pattern: RegExp): readonly string[] =>
    [...page(path).matchAll(pattern)].map(([, version = ""]) => version);
  expect(named("test/emulated/localstack/compose.yaml", /localstack:(\d[\d.]+)/g)).toEqual([localstack]);
  expect(new Set(named("CONTRIBUTING.md", /LocalStack (\d[\d.]+\d)/g))).toEqual(new Set([localstack]));
  expect(new Set(named("CONTRIBUTING.md", /MiniStack (\d[\d.]+\d)/g))).toEqual(new Set([ministack]));
  expect(named("test/emulated/ministack/ministack.ts", /MiniStack (\d[\d.]+\d)/g)).toEqual([ministack]);
});

test("the page of performance is made of what the benchmark kept, and nothing in it is beyond what is promised", () => {
  const kept = JSON.parse(page("docs/performance.json")) as Kept;
  expect(page("docs/performance.md")).toBe(performancePage(kept));
  expect(kept.figures.length).toBeGreaterThan(40);
  expect(kept.figures.filter((figure) => !isKept(figure))).toEqual([]);
});
