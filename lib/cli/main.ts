import { parseArgs } from "node:util";
import { printableJson, printableLines } from "../wire/printable.ts";
import type { Answer, OwnerCommand } from "./command.ts";
import { completion, type Described } from "./completion.ts";
import { cost } from "./cost.ts";
import { runDev } from "./dev.ts";
import { runExec } from "./exec.ts";
import type { Flags } from "./flags.ts";
import { nearest } from "./nearest.ts";
import { OWNER_COMMANDS } from "./owner.ts";
import { STACK_COMMANDS } from "./stack.ts";
import { placeOf, reach, urlsOf } from "./target.ts";
import { HELP, USAGE, UsageError } from "./usage.ts";
import { ownVersion } from "./version.ts";
import { watch } from "./watch.ts";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const HELPING = { help: { ...flag, short: "h" } } as const;
const ASKING = { url: text, stack: text, json: flag, ...HELPING } as const;

/** The flags of each command. */
const OPTIONS: Readonly<Record<string, Described["options"]>> = {
  exec: {
    url: text,
    "ticket-file": text,
    host: text,
    "drain-seconds": text,
    stall: text,
    "state-dir": text,
    imds: text,
    "exit-map": text,
    "identity-file": text,
    help: { ...flag, short: "h" },
  },
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
  runs: { ...ASKING, ended: flag, limit: text, cursor: text },
  show: ASKING,
  watch: { url: text, stack: text, interval: text, ...HELPING },
  cancel: { ...ASKING, reason: text },
  requeue: { ...ASKING, attempt: text, reason: text },
  drain: { ...ASKING, deadline: text, reason: text },
  drill: ASKING,
  doctor: { ...ASKING, "from-pod": flag },
  redrive: { stack: text, json: flag, ...HELPING },
  destroy: { ...ASKING, force: flag },
  dev: { port: text, data: text, sweep: text, ...HELPING },
  cost: {
    runs: text,
    beat: text,
    hours: text,
    losses: text,
    "front-door": text,
    sweep: text,
    "beat-ms": text,
    observability: text,
    json: flag,
    ...HELPING,
  },
  completion: HELPING,
};

/** The commands by name, and nothing that every object has. */
const COMMANDS: ReadonlyMap<string, Described> = new Map(
  Object.entries(OPTIONS).map(([name, options]) => [name, { options, help: HELP[name] ?? USAGE }]),
);

function parse(args: readonly string[], options: Described["options"]): { flags: Flags; words: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { flags: values as Flags, words: positionals };
  } catch (error) {
    throw new UsageError(parseErrorOf(error, Object.keys(options)));
  }
}

/** What is wrong with the options, without Node's advice about positional arguments, and with the option that was probably meant. */
function parseErrorOf(error: unknown, options: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, unknown] = /^Unknown option '(-{1,2}[^']*)'/.exec(message) ?? [];
  if (unknown === undefined) return message.split(". To specify")[0] ?? message;
  const meant = nearest(unknown.replace(/^-+/, ""), options);
  return `there is no option ${unknown}${meant === undefined ? "" : `; did you mean --${meant}?`}`;
}

const noCommand = (name: string): string => {
  const meant = nearest(name, [...COMMANDS.keys()]);
  return `there is no command "${name}"${meant === undefined ? "" : `; did you mean ${meant}?`}`;
};

/** The words of a command beside its options, when they are as many as it takes. */
function wordsFor(name: string, takes: readonly string[], words: readonly string[]): readonly string[] {
  if (words.length > takes.length) throw new UsageError(`"${words[takes.length]}" is one word too many`);
  if (words.length < takes.length || words.includes(""))
    throw new UsageError(`lastbeat ${name} takes ${takes.join(" ")}`);
  return words;
}

/** A front door may answer anything, and a terminal obeys what it is sent. */
function print({ json, text: said, code = 0 }: Answer, flags: Flags): number {
  process.stdout.write(flags["json"] === true ? `${printableJson(json)}\n` : printableLines(said));
  return code;
}

async function ask(name: string, command: OwnerCommand, flags: Flags, words: readonly string[]): Promise<number> {
  const given = wordsFor(name, command.takes, words);
  const { api, stack } = await reach(placeOf(flags, process.env), process.env);
  return print(await command.answer(api, given, flags, stack), flags);
}

/** Until SIGINT, SIGTERM, or the terminal is gone. */
async function watchUntilTold(flags: Flags): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stopping.abort());
  const { api } = await reach(placeOf(flags, process.env), process.env, stopping.signal);
  return watch(api, flags, stopping.signal);
}

/** Who reads has seen enough, as head has after some lines: nobody is left to tell, and nothing went wrong. */
function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

function help(topics: readonly string[]): number {
  const [topic, ...more] = topics;
  if (more.length > 0) throw new UsageError(`"${more[0]}" is one word too many`);
  const page = topic === undefined ? USAGE : COMMANDS.get(topic)?.help;
  if (page === undefined) throw new UsageError(noCommand(topic ?? ""));
  process.stdout.write(page);
  return 0;
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name !== "exec" && name !== "dev") endWithReader(); // these two go on without a reader
  if (name === undefined) {
    process.stdout.write(USAGE);
    return 2;
  }
  if (name === "--help" || name === "-h" || name === "help") return help(rest);
  if (name === "--version" || name === "-V" || name === "version") {
    process.stdout.write(`${ownVersion()}\n`);
    return 0;
  }
  const command = COMMANDS.get(name);
  if (command === undefined) throw new UsageError(noCommand(name));
  const split = name === "exec" ? rest.indexOf("--") : -1;
  const { flags, words } = parse(split < 0 ? rest : rest.slice(0, split), command.options);
  if (flags["help"] === true) return help([name]);
  if (name === "exec") {
    if (words.length > 0) throw new UsageError(`put -- before the command: lastbeat exec -- ${words.join(" ")}`);
    return runExec(urlsOf(flags, process.env), flags, split < 0 ? [] : rest.slice(split + 1));
  }
  const owner = OWNER_COMMANDS.get(name);
  if (owner !== undefined) return ask(name, owner, flags, words);
  const ofStack = STACK_COMMANDS.get(name);
  if (ofStack !== undefined) return print(await ofStack.answer(wordsFor(name, ofStack.takes, words), flags), flags);
  if (name === "completion") {
    const [shell = ""] = wordsFor(name, ["bash|zsh|fish"], words);
    process.stdout.write(completion(shell, COMMANDS, USAGE));
    return 0;
  }
  wordsFor(name, [], words);
  if (name === "cost") {
    const { json, text: said } = cost(flags, Date.now());
    process.stdout.write(flags["json"] === true ? `${printableJson(json)}\n` : said);
    return 0;
  }
  return name === "watch" ? watchUntilTold(flags) : runDev(flags);
}

/** The command line. Resolves to the exit code: 0, 1 when a command failed, 2 when it was not understood. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    const why = printableLines(error instanceof Error ? error.message : String(error));
    if (error instanceof UsageError) {
      const [name = ""] = args;
      const page = COMMANDS.has(name)
        ? `lastbeat ${name} --help says what it takes`
        : "lastbeat --help lists the commands";
      console.error(`lastbeat: ${why}\n${page}.`);
      return 2;
    }
    // A message may be a server's: no line of it looks like one of ours.
    console.error(`lastbeat: ${why.replaceAll("\n", "\n  ")}`);
    return args[0] === "exec" ? 125 : 1;
  }
}
