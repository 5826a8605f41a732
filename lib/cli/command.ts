import type { OurStack } from "../stack/stack.ts";
import type { Api } from "./api.ts";
import type { Flags } from "./flags.ts";

/** What a command answers: an object for --json, and a text for people. `code` where it has failed all the same. */
export type Answer = { readonly json: unknown; readonly text: string; readonly code?: number };

/** A command that asks the API something, and is done. */
export type OwnerCommand = {
  /** What it takes beside its options, as its help calls it. */
  readonly takes: readonly string[];
  answer(api: Api, words: readonly string[], flags: Flags, stack?: OurStack): Promise<Answer>;
};

/** A command that is about a deployment, and finds by itself what it needs. */
export type StackCommand = {
  readonly takes: readonly string[];
  answer(words: readonly string[], flags: Flags): Promise<Answer>;
};
