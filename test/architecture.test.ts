import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join } from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { describe, expect, test } from "vitest";

/** "type" is erased before the module runs; what is left of `import { type A }` is a static import all the same. */
type Kind = "type" | "static" | "dynamic";
type Import = { readonly kind: Kind; readonly of: string };
type Module = {
  readonly file: string;
  readonly imports: readonly Import[];
  readonly lines: number;
  readonly exportsDefault: boolean;
};

/** What the modules of a folder may import, beside each other. */
type Rule = {
  /** Fewer modules than that, and this test has lost sight of the folder. */
  readonly atLeast: number;
  readonly folders: readonly string[];
  /** Folders whose types alone it may know, and folders that it may load on demand alone. */
  readonly typesOf?: readonly string[];
  readonly onDemand?: readonly string[];
  readonly packages?: RegExp;
  readonly builtins?: RegExp;
};

const NOTHING = /^(?!)/;
const ANY = /^/;
const AWS_SDK = /^@aws-sdk\/(client|lib)-/;

const RULES: Readonly<Record<string, Rule>> = {
  "lib/names.ts": { atLeast: 1, folders: [] },
  "lib/digest.ts": { atLeast: 1, folders: [], builtins: /^node:crypto$/ },
  "lib/core": { atLeast: 15, folders: [] },
  "lib/ports": { atLeast: 5, folders: ["lib/core"] },
  "lib/wire": { atLeast: 10, folders: ["lib/core"], typesOf: ["lib/ports"], packages: /^zod\/(mini|locales)$/ },
  "lib/app": {
    atLeast: 10,
    folders: ["lib/core", "lib/ports", "lib/wire", "lib/digest.ts"],
    builtins: /^node:crypto$/,
  },
  "lib/adapters/memory": { atLeast: 4, folders: ["lib/core", "lib/ports", "lib/wire", "lib/names.ts"] },
  "lib/adapters/aws": {
    atLeast: 6,
    folders: ["lib/core", "lib/ports", "lib/wire", "lib/evidence/aws", "lib/names.ts", "lib/digest.ts"],
    packages: AWS_SDK,
    builtins: ANY,
  },
  // The way from an announced attempt to a target that starts it: pure, but for the ports that it asks.
  "lib/dispatch": {
    atLeast: 6,
    folders: ["lib/core", "lib/ports", "lib/wire", "lib/digest.ts"],
    typesOf: ["lib/stack"],
  },
  "lib/adapters/kubernetes": {
    atLeast: 5,
    folders: ["lib/core", "lib/ports", "lib/wire", "lib/evidence/kubernetes"],
    packages: new RegExp(
      `^(@kubernetes/client-node|@aws-sdk/credential-provider(s|-node)|@smithy/signature-v4|@aws-crypto/sha256-js)$|${AWS_SDK.source}`,
    ),
    builtins: ANY,
  },
  "lib/adapters/kept-secret.ts": { atLeast: 1, folders: ["lib/core"] },
  // The APIs of orchestrators. Node's own fetch is enough for them.
  "lib/adapters/orchestrator": {
    atLeast: 2,
    folders: ["lib/core", "lib/ports", "lib/wire", "lib/adapters/kept-secret.ts"],
    packages: /^zod\/mini$/,
  },
  "lib/adapters/webhook": {
    atLeast: 2,
    folders: ["lib/core", "lib/ports", "lib/wire", "lib/adapters/kept-secret.ts"],
    packages: /^request-filtering-agent$/,
    builtins: ANY,
  },
  // It translates, and neither asks nor decides: no SDK, no ports.
  "lib/evidence/aws": { atLeast: 6, folders: ["lib/core", "lib/wire", "lib/names.ts", "lib/digest.ts"] },
  "lib/evidence/kubernetes": { atLeast: 6, folders: ["lib/core"] },
  // What was kept of a death, whatever it is: objects of Kubernetes, events and answers of AWS, exits.
  "lib/evidence": { atLeast: 1, folders: ["lib/core", "lib/evidence/aws", "lib/evidence/kubernetes"] },
  "lib/agent": { atLeast: 4, folders: ["lib/core", "lib/wire"], builtins: ANY },
  dev: {
    atLeast: 6,
    folders: [
      "lib/core",
      "lib/ports",
      "lib/wire",
      "lib/app",
      "lib/adapters/memory",
      "lib/adapters/aws",
      "lib/names.ts",
      "lambdas",
    ],
    onDemand: ["lib/adapters/kubernetes"],
    // The types of Lambda events come as aws-lambda.
    packages: new RegExp(`^(dynalite|fauxqs|aws-lambda)$|${AWS_SDK.source}`),
    builtins: ANY,
  },
  "lib/cost": { atLeast: 6, folders: ["lib/names.ts"] },
  "lib/stack": {
    atLeast: 10,
    folders: ["lib/core", "lib/wire", "lib/names.ts"],
    packages: new RegExp(
      `^(@aws-sdk/credential-provider-node|@smithy/signature-v4|@aws-crypto/sha256-js)$|${AWS_SDK.source}`,
    ),
    builtins: ANY,
  },
  "lib/cli": {
    atLeast: 4,
    folders: ["lib/core", "lib/wire", "lib/agent", "lib/cost", "lib/names.ts", "lib/evidence"],
    // What speaks with AWS loads a hundred times as much as the rest: exec must not wait for it.
    typesOf: ["dev", "lib/dispatch", "lib/stack"],
    onDemand: ["dev", "lib/adapters/kubernetes", "lib/dispatch", "lib/stack"],
    builtins: ANY,
  },
  // What runtime and infrastructure share: names, and the table of routes.
  cdk: {
    atLeast: 12,
    folders: ["lib/names.ts", "lib/wire"],
    packages: /^(aws-cdk-lib(\/.+)?|constructs|cdk-nag)$/,
    builtins: /^node:(fs|url)$/,
  },
  lambdas: {
    atLeast: 6,
    folders: [
      "lib/app",
      "lib/evidence/aws",
      "lib/adapters/aws",
      "lib/adapters/kubernetes",
      "lib/adapters/webhook",
      "lib/adapters/orchestrator",
      "lib/core",
      "lib/dispatch",
      "lib/ports",
      "lib/wire",
      "lib/names.ts",
    ],
    packages: /^(@middy\/.+|aws-lambda)$/,
    builtins: ANY,
  },
};

/** Longer files, each with the reason why it is not two. */
const LONG: Readonly<Record<string, string>> = {};
const MOST_LINES = 350;

function importsOf(file: string, source: string): Pick<Module, "imports" | "exportsDefault"> {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const imports: Import[] = [];
  let exportsDefault = false;
  new Visitor({
    ImportDeclaration: (node) =>
      imports.push({ kind: node.importKind === "type" ? "type" : "static", of: node.source.value }),
    ExportAllDeclaration: (node) =>
      imports.push({ kind: node.exportKind === "type" ? "type" : "static", of: node.source.value }),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null)
        imports.push({ kind: node.exportKind === "type" ? "type" : "static", of: node.source.value });
      exportsDefault ||= node.specifiers.some(
        ({ exported }) => exported.type === "Identifier" && exported.name === "default",
      );
    },
    ExportDefaultDeclaration: () => {
      exportsDefault = true;
    },
    ImportExpression: ({ source }) => {
      // A computed name would hide from every rule here.
      const isPlain = source.type === "Literal" && typeof source.value === "string";
      imports.push({ kind: "dynamic", of: isPlain ? String(source.value) : "a computed name" });
    },
    TSImportType: (node) => imports.push({ kind: "type", of: node.source.value }),
  }).visit(program);
  return { imports, exportsDefault };
}

function readModule(file: string): Module {
  const source = readFileSync(file, "utf8");
  const { imports, exportsDefault } = importsOf(file, source);
  return {
    file,
    // A module of ours is named by its path from here, anything else as it is written.
    imports: imports.map(({ kind, of }) => ({ kind, of: of.startsWith(".") ? join(file, "..", of) : of })),
    lines: source.split("\n").length - 1,
    exportsDefault,
  };
}

const MODULES = globSync(["lib/**/*.ts", "lambdas/**/*.ts", "cdk/**/*.ts", "dev/**/*.ts"])
  .filter((file) => !file.endsWith(".d.ts"))
  .sort()
  .map(readModule);
const BY_FILE = new Map(MODULES.map((each) => [each.file, each]));

/** The folder, or the file, whose rule a module has; where none has, what it is in. */
const folderOf = (file: string): string =>
  Object.keys(RULES).find((folder) => file === folder || file.startsWith(`${folder}/`)) ?? dirname(file);

function isAllowed(from: string, { kind, of }: Import): boolean {
  const rule = RULES[from];
  if (rule === undefined) return false;
  if (isBuiltin(of)) return (rule.builtins ?? NOTHING).test(of);
  if (!BY_FILE.has(of)) return (rule.packages ?? NOTHING).test(of);
  const to = folderOf(of);
  if (to === from || rule.folders.includes(to)) return true;
  if (kind === "type") return rule.typesOf?.includes(to) ?? false;
  return kind === "dynamic" && (rule.onDemand?.includes(to) ?? false);
}

/** The chain of imports from `file` to the first thing that is `wanted`, or nothing. */
function chain(file: string, wanted: (of: string) => boolean, seen = new Set<string>()): readonly string[] | undefined {
  if (seen.has(file)) return undefined;
  seen.add(file);
  for (const { kind, of } of BY_FILE.get(file)?.imports ?? []) {
    if (kind === "type") continue;
    if (wanted(of)) return [file, of];
    const rest = chain(of, wanted, seen);
    if (rest !== undefined) return [file, ...rest];
  }
  return undefined;
}

/** Cycles, those of types too: words that need each other belong into one file. */
function cycles(): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" -> "));
    if (done.has(file) || path.includes(file)) return;
    for (const { of } of BY_FILE.get(file)?.imports ?? []) if (BY_FILE.has(of)) visit(of, [...path, file]);
    done.add(file);
  };
  for (const { file } of MODULES) visit(file, []);
  return found;
}

describe("the reading of imports", () => {
  const read = (source: string): readonly string[] =>
    importsOf("sample.ts", source).imports.map(({ kind, of }) => `${kind} ${of}`);

  test.each([
    ['import a, { b } from "./a.ts";', ["static ./a.ts"]],
    ['import "./a.ts";', ["static ./a.ts"]],
    ['import type { A } from "./a.ts";', ["type ./a.ts"]],
    ['import { type A } from "./a.ts";', ["static ./a.ts"]],
    ['export { a } from "./a.ts";', ["static ./a.ts"]],
    ['export * from "./a.ts";', ["static ./a.ts"]],
    ['export type * from "./a.ts";', ["type ./a.ts"]],
    ['const a = async () => (await import("./a.ts")).a;', ["dynamic ./a.ts"]],
    ["const a = (name: string) => import(name);", ["dynamic a computed name"]],
    ['type A = import("./a.ts").A;', ["type ./a.ts"]],
    ['let a: typeof import("./a.ts");', ["type ./a.ts"]],
    ['// import "./a.ts"\nconst a = `import "./a.ts"`;', []],
  ])("sees in %s what is imported", (source, expected) => {
    expect(read(source)).toEqual(expected);
  });

  test.each(["export default 1;", "const a = 1; export { a as default };"])(
    "sees the default export in %s",
    (source) => {
      expect(importsOf("sample.ts", source).exportsDefault).toBe(true);
    },
  );
});

describe("the modules", () => {
  test.each(Object.entries(RULES))("of %s are here", (folder, { atLeast }) => {
    expect(MODULES.filter(({ file }) => folderOf(file) === folder).length).toBeGreaterThanOrEqual(atLeast);
  });

  test("are all in a folder that has a rule", () => {
    expect(MODULES.map(({ file }) => file).filter((file) => RULES[folderOf(file)] === undefined)).toEqual([]);
  });

  test("import only what their folder may", () => {
    const refused = MODULES.flatMap(({ file, imports }) =>
      imports
        .filter((each) => !isAllowed(folderOf(file), each))
        .map(({ kind, of }) => `${file}: ${kind} import of ${of}`),
    );
    expect(refused).toEqual([]);
  });

  test("of the agent load no package, not even by another module", () => {
    const isPackage = (of: string): boolean => !BY_FILE.has(of) && !isBuiltin(of);
    const agents = MODULES.map(({ file }) => file).filter((file) => folderOf(file) === "lib/agent");
    expect(agents.map((file) => chain(file, isPackage)?.join(" -> ")).filter((each) => each !== undefined)).toEqual([]);
  });

  test("import each other in no circle", () => {
    expect(cycles()).toEqual([]);
  });

  test("have no default export", () => {
    expect(MODULES.filter(({ exportsDefault }) => exportsDefault).map(({ file }) => file)).toEqual([]);
  });

  test(`have ${MOST_LINES} lines at most, or a reason`, () => {
    const long = MODULES.filter(({ lines }) => lines > MOST_LINES).map(({ file }) => file);
    expect(long).toEqual(Object.keys(LONG));
  });
});

test("no file is named for nothing in particular", () => {
  const files = globSync("{lib,lambdas,cdk,dev,scripts,test}/**/*.{ts,mjs}");
  expect(files.length).toBeGreaterThan(MODULES.length);
  expect(files.filter((file) => /^(util|helper|common|type)s?\./.test(basename(file)))).toEqual([]);
});
