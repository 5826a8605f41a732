import type { Instant } from "../core/time.ts";

export type Clock = { now(): Instant };

/** A number in [0, 1). */
export type Dice = { roll(): number };

/** A secret that signs credentials. The id travels with each credential, so that keys can be rotated. */
export type Key = { readonly id: string; readonly secret: Uint8Array };

/** The newest key comes first, and signs. The others are still accepted. */
export type Keys = { all(): Promise<readonly [Key, ...Key[]]> };

/** One line per decision, for people who ask later what happened. It never holds a whole event or a credential. */
export type LogLine = {
  /** If it is absent: ERROR if there is an error, otherwise INFO. */
  readonly level?: "WARN" | "ERROR";
  readonly decision: string;
  readonly run?: string;
  readonly attempt?: number;
  readonly fence?: number;
  readonly state?: string;
  readonly cause?: string;
  readonly error?: string;
  /** This decision ended the attempt. `silentSeconds`: the time since its last beat, if silence ended it. */
  readonly verdict?: { readonly cause: string; readonly silentSeconds?: number };
  readonly counts?: Readonly<Record<string, number>>;
  /** How many beats a canary has sent. */
  readonly beats?: number;
  /** Who asked for it, as IAM knows them; by which call; and how it was answered. */
  readonly by?: string;
  readonly call?: string;
  readonly status?: number;
  readonly host?: string;
};

export type Log = { write(line: LogLine): void };
