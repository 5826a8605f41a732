/** One item whose visit failed, and why. */
export type Failure<T> = { readonly one: T; readonly error: unknown };

/**
 * Visits all items, at most `bound` at once, for as long as `goesOn` allows. An item that fails does not delay the
 * others. It is in the answer, with its error, when all have been visited.
 */
export async function visitAll<T>(
  all: readonly T[],
  bound: number,
  visit: (one: T) => Promise<void>,
  goesOn: () => boolean = () => true,
): Promise<readonly Failure<T>[]> {
  const failures: Failure<T>[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length && goesOn()) {
      const one = all[next++] as T;
      try {
        await visit(one);
      } catch (error) {
        failures.push({ one, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(bound, all.length) }, worker));
  return failures;
}

/** Does one more thing. If it fails, returns undefined and adds the failure to the others. */
export async function tryTo<T>(failures: Failure<unknown>[], act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    failures.push({ one: act, error });
    return undefined;
  }
}

/** Throws if something failed, once all has been tried. The caller then comes again for the failed items. */
export function throwIfAny(failures: readonly Failure<unknown>[], all: number, what: string): void {
  const [first] = failures;
  if (first === undefined) return;
  const errors = failures.map(({ error }) => error);
  throw new AggregateError(errors, `${failures.length} of ${all} ${what} failed, first: ${String(first.error)}`);
}
