type Roll = () => number;

/** A sample of all items that were added. Each has the same chance, so no place in the order is out of reach. */
export class Sample<T> {
  readonly all: T[] = [];
  private seen = 0;
  private readonly most: number;
  private readonly roll: Roll;

  constructor(most: number, roll: Roll) {
    this.most = most;
    this.roll = roll;
  }

  add(one: T): void {
    this.seen += 1;
    if (this.all.length < this.most) {
      this.all.push(one);
      return;
    }
    const place = Math.floor(this.roll() * this.seen);
    if (place < this.most) this.all[place] = one;
  }
}

/**
 * Takes turns between items that come for the first time, in their order, and items that were tried before, in random
 * order. An item that always fails comes neither before all untried ones, nor always before the same other ones.
 */
export function inTurns<T>(roll: Roll, untried: readonly T[], tried: readonly T[]): T[] {
  const others = shuffled(roll, tried);
  const longest = Math.max(untried.length, others.length);
  const turns = Array.from({ length: longest }, (_, turn) => [
    ...untried.slice(turn, turn + 1),
    ...others.slice(turn, turn + 1),
  ]);
  return turns.flat();
}

/** In random order (Fisher and Yates). */
export function shuffled<T>(roll: Roll, all: readonly T[]): T[] {
  const mixed = [...all];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const place = Math.floor(roll() * (last + 1));
    [mixed[last], mixed[place]] = [mixed[place] as T, mixed[last] as T];
  }
  return mixed;
}
