import type { OurStack } from "../stack/stack.ts";
import type { Api } from "./api.ts";
import type { Flags } from "./flags.ts";

export type Options = Readonly<
  Record<string, { readonly type: "string" | "boolean"; readonly multiple?: boolean; readonly short?: string }>
>;

/** The options of a command, with the one that each takes. */
export const allOptions = (options: Options): Options => ({ ...options, help: { type: "boolean", short: "h" } });

/** What a command answers: an object for --json, and a text for people. `code` where it has failed all the same. */
export type Answer = { readonly json: unknown; readonly text: string; readonly code?: number };

type Described = {
  /** How it is called, and what it does in a line: its place in the list of commands. */
  readonly usage: string;
  /** Its page. Completions are made of it too: an option is described on its own line. */
  readonly help: string;
  /** All but --help. */
  readonly options: Options;
  /** What it takes beside its options, as its page calls it. */
  readonly takes: readonly string[];
};

/** A command that asks the API something, and is done. `stack`: the deployment, where one was named. */
export type ApiCommand = Described & {
  ask(api: Api, words: readonly string[], flags: Flags, stack?: OurStack): Promise<Answer>;
};

/** A command that finds by itself what it needs, and is done. */
export type LocalCommand = Described & {
  answer(words: readonly string[], flags: Flags): Promise<Answer>;
};

/** A command that goes on until something ends it, and prints meanwhile. Resolves to the exit code. `after`: what follows `--`. */
export type LongCommand = Described & {
  run(flags: Flags, after: readonly string[]): Promise<number>;
};

export type Command = ApiCommand | LocalCommand | LongCommand;
