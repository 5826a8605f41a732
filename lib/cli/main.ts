import { parseArgs } from "node:util";
import { printableJson, printableLines } from "../wire/printable.ts";
import { becomeBinary, versionLine } from "./binary.ts";
import { type Answer, allOptions, type Command, type Options } from "./command.ts";
import { COMMANDS, USAGE } from "./commands.ts";
import { UsageError } from "./errors.ts";
import type { Flags } from "./flags.ts";
import { nearest } from "./nearest.ts";
import { placeOf, reach } from "./target.ts";

function parse(args: readonly string[], options: Options): { flags: Flags; words: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { flags: values as Flags, words: positionals };
  } catch (error) {
    throw new UsageError(parseErrorOf(error, Object.keys(options)));
  }
}

/**
 * What is wrong with the options, without Node's advice about positional arguments. It names the option that was
 * probably meant.
 */
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

/** The words of a command besides its options, if their number is right. */
function wordsFor(name: string, takes: readonly string[], words: readonly string[]): readonly string[] {
  if (words.length > takes.length) throw new UsageError(`"${words[takes.length]}" is one word too many`);
  const missing = takes.find((_, index) => (words[index] ?? "") === "");
  if (missing !== undefined) throw new UsageError(`${missing} is missing: lastbeat ${name} ${takes.join(" ")}`);
  return words;
}

/** Prints no control characters: a front door may answer anything, and a terminal obeys them. */
function print({ json, text: said, code = 0 }: Answer, flags: Flags): number {
  process.stdout.write(flags["json"] === true ? `${printableJson(json)}\n` : printableLines(said));
  return code;
}

/** A closed pipe ends the command, and is no error: the reader, such as head, has seen enough. */
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

/** Only `exec` splits its words at `--`. */
const splitAt = (name: string, args: readonly string[]): number => {
  const split = name === "exec" ? args.indexOf("--") : -1;
  return split < 0 ? args.length : split;
};

async function carryOut(name: string, command: Command, args: readonly string[]): Promise<number> {
  const end = splitAt(name, args);
  const { flags, words } = parse(args.slice(0, end), allOptions(command.options));
  if (flags["help"] === true) return help([name]);
  if (name === "exec" && words.length > 0)
    throw new UsageError(`put -- before the command: lastbeat exec -- ${words.join(" ")}`);
  const given = wordsFor(name, command.takes, words);
  if ("run" in command) return command.run(flags, args.slice(end + 1));
  if ("answer" in command) return print(await command.answer(given, flags), flags);
  const { api, stack } = await reach(placeOf(flags, process.env), process.env);
  return print(await command.ask(api, given, flags, stack), flags);
}

async function run([name, ...rest]: readonly string[]): Promise<number> {
  if (name !== "exec" && name !== "dev") endWithReader(); // these two continue without a reader
  switch (name) {
    case undefined:
      process.stdout.write(USAGE);
      return 2;
    case "--help":
    case "-h":
    case "help":
      return help(rest);
    case "--version":
    case "-V":
    case "-v":
    case "version":
      process.stdout.write(`${versionLine()}\n`);
      return 0;
  }
  becomeBinary(name, rest);
  const command = COMMANDS.get(name);
  if (command === undefined) throw new UsageError(noCommand(name));
  return carryOut(name, command, rest);
}

/** The command line. Resolves to the exit code: 0, 1 when a command failed, 2 when its usage was wrong. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    const why = printableLines(error instanceof Error ? error.message : String(error));
    if (error instanceof UsageError) {
      const [name = ""] = args;
      const page = COMMANDS.has(name) ? `lastbeat ${name} --help describes it` : "lastbeat --help lists the commands";
      console.error(`lastbeat: ${why}\n${page}.`);
      return 2;
    }
    // A message may come from a server, so no further line of it may look like a line of ours.
    console.error(`lastbeat: ${why.replaceAll("\n", "\n  ")}`);
    return args[0] === "exec" ? 125 : 1;
  }
}
