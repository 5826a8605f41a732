import type { OurStack } from "../stack/stack.ts";
import type { Api } from "./api.ts";
import type { Flags } from "./flags.ts";

export type Options = Readonly<
  Record<string, { readonly type: "string" | "boolean"; readonly multiple?: boolean; readonly short?: string }>
>;

/** The options of a command, with the one that every command takes. */
export const allOptions = (options: Options): Options => ({ ...options, help: { type: "boolean", short: "h" } });

/** The answer of a command: an object for --json, and a text for people. `code`: the exit code, if it is not 0. */
export type Answer = { readonly json: unknown; readonly text: string; readonly code?: number };

type Described = {
  /** How to call it, and one line about what it does: its entry in the list of commands. */
  readonly usage: string;
  /** Its help page. The completions are made from it too, so each option is described on a line of its own. */
  readonly help: string;
  /** All options except --help. */
  readonly options: Options;
  /** The arguments besides the options, with the names of the help page. */
  readonly takes: readonly string[];
};

/** A command that makes one request to the API. `stack`: the deployment, if one was named. */
export type ApiCommand = Described & {
  ask(api: Api, words: readonly string[], flags: Flags, stack?: OurStack): Promise<Answer>;
};

/** A command that finds everything it needs by itself, and answers once. */
export type LocalCommand = Described & {
  answer(words: readonly string[], flags: Flags): Promise<Answer>;
};

/** A command that runs and prints until something ends it. Resolves to the exit code. `after`: the words after `--`. */
export type LongCommand = Described & {
  run(flags: Flags, after: readonly string[]): Promise<number>;
};

export type Command = ApiCommand | LocalCommand | LongCommand;
