import { secondsOf } from "./durations.ts";
import { UsageError } from "./errors.ts";

export type Flags = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

export const textFlag = (flags: Flags, name: string): string | undefined => {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
};

/** A number in any form of JSON; the API checks its bounds. */
export function numberFlag(flags: Flags, name: string): number | undefined {
  const value = textFlag(flags, name);
  if (value === undefined) return undefined;
  if (value.trim() === "" || !Number.isFinite(Number(value)))
    throw new UsageError(`--${name} takes a number, not "${value}"`);
  return Number(value);
}

/** Seconds, as a number or with a unit; the API checks the bounds. */
export function secondsFlag(flags: Flags, name: string): number | undefined {
  const value = textFlag(flags, name);
  if (value === undefined) return undefined;
  const seconds = secondsOf(value);
  if (seconds === undefined) throw new UsageError(`--${name} takes a time such as 60, 60s, 5m or 2h, not "${value}"`);
  return seconds;
}

/** A number of seconds, with a unit or without, whose bounds are checked here. */
export function secondsWithin(flags: Flags, name: string, standard: number, least: number, most: number): number {
  const seconds = secondsFlag(flags, name) ?? standard;
  if (seconds < least || seconds > most)
    throw new UsageError(`--${name} takes a time from ${least} s to ${most} s, not "${textFlag(flags, name)}"`);
  return seconds;
}

/** A number whose bounds are checked here. */
export function numberWithin(flags: Flags, name: string, standard: number, least: number, most: number): number {
  const number = numberFlag(flags, name) ?? standard;
  if (number < least || number > most)
    throw new UsageError(`--${name} takes a number from ${least} to ${most}, not "${textFlag(flags, name)}"`);
  return number;
}

export function wholeWithin(flags: Flags, name: string, standard: number, least: number, most: number): number {
  const value = textFlag(flags, name);
  if (value === undefined) return standard;
  const number = Number(value);
  if (!Number.isInteger(number) || number < least || number > most || value.trim() === "")
    throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not "${value}"`);
  return number;
}
