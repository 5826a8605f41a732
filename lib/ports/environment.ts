import type { Instant } from "../core/time.ts";

export type Clock = { now(): Instant };

/** A number in [0, 1). */
export type Dice = { roll(): number };

/** A secret that signs credentials. The id travels with each credential, so that keys can be rotated. */
export type Key = { readonly id: string; readonly secret: Uint8Array };

/** The newest key first: it signs. The ones after it are still accepted. */
export type Keys = { all(): Promise<readonly [Key, ...Key[]]> };

/** One line per decision, for those who ask later what happened. Never a whole event, never a credential. */
export type LogLine = {
  /** ERROR where there is an error, else INFO, unless it says so itself. */
  readonly level?: "WARN" | "ERROR";
  readonly decision: string;
  readonly run?: string;
  readonly attempt?: number;
  readonly fence?: number;
  readonly state?: string;
  readonly cause?: string;
  readonly error?: string;
  /** This decision ended the attempt. `silentSeconds`: since its last beat, where silence ended it. */
  readonly verdict?: { readonly cause: string; readonly silentSeconds?: number };
  readonly counts?: Readonly<Record<string, number>>;
  /** How many beats a canary has sent. */
  readonly beats?: number;
  /** Who has asked for it, as IAM knows them, and by which call; how it was answered. */
  readonly by?: string;
  readonly call?: string;
  readonly status?: number;
  readonly host?: string;
};

export type Log = { write(line: LogLine): void };
