/** Looks every 250 ms until it is as asked, for as long as the test may take. */
export async function eventually<T>(look: () => Promise<T>, isReached: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (isReached(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
