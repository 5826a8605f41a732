type Roll = () => number;

/** As many of all that were added as it may hold, each with the same chance: no place in the order is out of reach. */
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
 * Those that come for the first time, in their order, by turns with those that were tried before, in any order: who fails
 * again and again stands neither before who was not tried, nor always before the same of the others.
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

/** In any order, by Fisher and Yates. */
export function shuffled<T>(roll: Roll, all: readonly T[]): T[] {
  const mixed = [...all];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const place = Math.floor(roll() * (last + 1));
    [mixed[last], mixed[place]] = [mixed[place] as T, mixed[last] as T];
  }
  return mixed;
}
