import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { api } from "./api.ts";
import { runDev } from "./dev.ts";
import { runExec } from "./exec.ts";
import { type Flags, OWNER_COMMANDS } from "./owner.ts";
import { CommandError, HELP, USAGE, UsageError } from "./usage.ts";

type Options = NonNullable<Parameters<typeof parseArgs>[0]>["options"];

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const ASKING = { url: text, json: flag, help: { ...flag, short: "h" } } as const;

/** The flags of each command. */
const OPTIONS: Readonly<Record<string, Options>> = {
  exec: {
    url: text,
    "ticket-file": text,
    host: text,
    "drain-seconds": text,
    stall: text,
    "state-dir": text,
    imds: text,
    "exit-map": text,
    help: { ...flag, short: "h" },
  },
  dev: { port: text, data: text, sweep: text, help: { ...flag, short: "h" } },
  register: {
    ...ASKING,
    lease: text,
    start: text,
    attempts: text,
    crashes: text,
    interruptions: text,
    losses: text,
    starts: text,
    label: { ...text, multiple: true },
    spec: text,
    ticket: flag,
  },
  runs: { ...ASKING, ended: flag, limit: text },
  show: ASKING,
  cancel: { ...ASKING, reason: text },
  requeue: { ...ASKING, attempt: text, reason: text },
};

function parse(args: readonly string[], options: Options): { flags: Flags; words: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { flags: values as Flags, words: positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

const versionOf = (): string => {
  const file = new URL(import.meta.url.endsWith(".ts") ? "../../package.json" : "../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};

const said = (flags: Flags, name: string): string | undefined => {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
};

async function ask(name: string, flags: Flags, words: readonly string[]): Promise<number> {
  const command = OWNER_COMMANDS[name];
  if (command === undefined) throw new UsageError(`there is no command ${name}`);
  const [run = "", ...more] = words;
  if (name !== "runs" && run === "") throw new UsageError(`lastbeat ${name} takes a run`);
  if (more.length > 0 || (name === "runs" && run !== ""))
    throw new UsageError(`"${words.at(-1)}" is one word too many`);
  const answer = await command(api(firstOf(urlOf(flags))), run, flags);
  process.stdout.write(flags["json"] === true ? `${JSON.stringify(answer.json, undefined, 2)}\n` : answer.text);
  return 0;
}

const urlOf = (flags: Flags): string => said(flags, "url") ?? process.env["LASTBEAT_URL"] ?? "http://127.0.0.1:8787";

/** An agent may be given several front doors in LASTBEAT_URL; a person asks the first. */
const firstOf = (urls: string): string => urls.split(",")[0]?.trim() ?? urls;

async function run(args: readonly string[]): Promise<number> {
  const [name = "", ...rest] = args;
  if (name === "" || name === "--help" || name === "-h" || name === "help") {
    const topic = HELP[rest[0] ?? ""];
    process.stdout.write(topic ?? USAGE);
    return name === "" ? 2 : 0;
  }
  if (name === "--version" || name === "-V") {
    process.stdout.write(`${versionOf()}\n`);
    return 0;
  }
  const options = OPTIONS[name];
  if (options === undefined) throw new UsageError(`there is no command "${name}"`);
  const split = name === "exec" ? rest.indexOf("--") : -1;
  const { flags, words } = parse(split < 0 ? rest : rest.slice(0, split), options);
  if (flags["help"] === true) {
    process.stdout.write(HELP[name] ?? USAGE);
    return 0;
  }
  if (name === "exec") {
    if (words.length > 0) throw new UsageError(`put -- before the command: lastbeat exec -- ${words.join(" ")}`);
    return runExec(urlOf(flags), flags, split < 0 ? [] : rest.slice(split + 1));
  }
  if (name === "dev") {
    if (words.length > 0) throw new UsageError(`lastbeat dev takes no "${words[0]}"`);
    return runDev(flags as { port?: string; data?: string; sweep?: string });
  }
  return ask(name, flags, words);
}

/** The command line. Resolves to the exit code: 0, 1 when a command failed, 2 when it was not understood. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`lastbeat: ${error.message}\nlastbeat --help lists the commands.`);
      return 2;
    }
    console.error(
      `lastbeat: ${error instanceof CommandError ? error.message : error instanceof Error ? error.message : String(error)}`,
    );
    return args[0] === "exec" ? 125 : 1;
  }
}
