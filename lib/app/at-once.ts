/** Visits all of them, a bounded number at once, for as long as `goesOn` says so. The first failure is thrown at the end. */
export async function atOnce<T>(
  all: readonly T[],
  bound: number,
  visit: (one: T) => Promise<void>,
  goesOn: () => boolean = () => true,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let one = all[next++]; one !== undefined && goesOn(); one = all[next++]) await visit(one);
  };
  const failed = (await Promise.allSettled(Array.from({ length: bound }, worker))).find(
    ({ status }) => status === "rejected",
  );
  if (failed?.status === "rejected") throw failed.reason;
}
