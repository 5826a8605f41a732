import type { Fence, Result, Run } from "../../lib/core/run.ts";
import type { Registration } from "../../lib/core/spec.ts";

/** One life of a run id, from its registration to the next one. */
export type Life = {
  readonly registration: Registration;
  /** By fence: the holder of each attempt, its progress at each moment, and how often a child was started for it. */
  readonly holders: Map<Fence, string>;
  readonly progress: Map<Fence, { readonly moment: number; readonly value: number }[]>;
  /** By fence: whether an ended attempt got further than any before, as its end has found. */
  readonly further: Map<Fence, boolean>;
  readonly starts: Map<Fence, number>;
  /** A success, or a cancel, was answered with a 2xx, so it must not be lost. */
  isWon: boolean;
  isCanceled: boolean;
  /** How many charges late evidence has moved. */
  refunds: number;
  isGone: boolean;
  /** When its ledger was last written, and whether its record has expired with something owed. */
  toldAt: number;
  isCutShort: boolean;
  result: Result | undefined;
};

/**
 * The item of a run as it was from a moment on. If there was none, `run` is undefined and `last` is what was there
 * before.
 */
export type Version = { readonly moment: number; readonly run: Run | undefined; readonly last: Run | undefined };

/** Everything that every run id ever was. */
export class Lives {
  private readonly lives = new Map<string, Life[]>();
  private readonly versions = new Map<string, Version[]>();

  begin(registration: Registration): void {
    const lives = this.lives.get(registration.run) ?? [];
    const life: Life = {
      registration,
      holders: new Map(),
      progress: new Map(),
      further: new Map(),
      toldAt: 0,
      isCutShort: false,
      starts: new Map(),
      isWon: false,
      isCanceled: false,
      refunds: 0,
      isGone: false,
      result: undefined,
    };
    this.lives.set(registration.run, [...lives, life]);
  }

  /** Another registration has taken the place of one that was never completed. */
  replace(registration: Registration): void {
    this.lives.get(registration.run)?.pop();
    this.begin(registration);
  }

  all(): readonly Life[] {
    return [...this.lives.values()].flat();
  }

  /** The life that a fence belongs to. */
  of(run: string, fence: number): Life | undefined {
    return this.lives.get(run)?.findLast(({ registration }) => registration.fence <= fence);
  }

  newest(run: string): Life | undefined {
    return this.lives.get(run)?.at(-1);
  }

  /** The first fence after this life. */
  endOf({ registration }: Life): number {
    const lives = this.lives.get(registration.run) ?? [];
    const next = lives.find((other) => other.registration.fence > registration.fence);
    return next?.registration.fence ?? Number.POSITIVE_INFINITY;
  }

  changed(moment: number, name: string, run: Run | undefined): void {
    const versions = this.versions.get(name) ?? [];
    this.versions.set(name, [...versions, { moment, run, last: run ?? versions.at(-1)?.run ?? versions.at(-1)?.last }]);
  }

  /** The item at every time since that moment. */
  since(moment: number, name: string): readonly Version[] {
    const versions = this.versions.get(name) ?? [];
    const first = versions.findLastIndex((version) => version.moment < moment);
    return versions.slice(Math.max(0, first));
  }
}
