/** Something that is made anew when it is older than `ms`, or when it was of no use. */
export function kept<T>(ms: number, make: () => Promise<T>): { get(): Promise<T>; drop(): void } {
  let last: { readonly value: Promise<T>; readonly until: number } | undefined;
  const drop = (): void => {
    last = undefined;
  };
  return {
    get: () => {
      if (last === undefined || last.until <= Date.now()) {
        const value = make();
        last = { value, until: Date.now() + ms };
        value.catch(drop);
      }
      return last.value;
    },
    drop,
  };
}
