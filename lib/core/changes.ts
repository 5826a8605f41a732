import { isClaimed, type Run } from "./run.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The fields in which `next` differs from `seen`. A guarded write sets these and no others, so it never undoes what a
 * beat has written meanwhile. Fields that hold structure (the debt) count as changed when they are not the same object.
 */
export function changesBetween(seen: Run, next: Run): { readonly set: Fields; readonly removed: readonly string[] } {
  const old: Fields = { ...seen };
  const now: Fields = { ...next };
  return {
    set: Object.fromEntries(Object.entries(now).filter(([name, value]) => value !== old[name])),
    removed: [...new Set([...Object.keys(old), ...ended(seen, next)])].filter((name) => now[name] === undefined),
  };
}

/** A beat may have reported progress after the run was seen. That progress is removed when its attempt ends. */
const ended = (seen: Run, next: Run): readonly string[] => (isClaimed(seen) && !isClaimed(next) ? ["progress"] : []);
