import { isHeld, type Run } from "./run.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The fields in which `next` differs from `seen`. A guarded write sets these and no others, so that it never undoes what
 * a beat wrote meanwhile. Fields that hold structure (the debt) count as changed when they are not the same object.
 */
export function changesBetween(seen: Run, next: Run): { readonly set: Fields; readonly removed: readonly string[] } {
  const old: Fields = { ...seen };
  const now: Fields = { ...next };
  return {
    set: Object.fromEntries(Object.entries(now).filter(([name, value]) => value !== old[name])),
    removed: [...new Set([...Object.keys(old), ...ended(seen, next)])].filter((name) => now[name] === undefined),
  };
}

/** A beat may have told of progress since the run was seen; that goes with its attempt. */
const ended = (seen: Run, next: Run): readonly string[] => (isHeld(seen) && !isHeld(next) ? ["progress"] : []);
