import type { Pause, WhyFrozen } from "../core/freeze.ts";
import { iso } from "./instants.ts";

/** Verdicts by the clock wait, because the fault may be ours. */
export type FreezeView = {
  /** RFC 3339. Since when sweeps have found this. */
  readonly since: string;
  /**
   * RFC 3339. For one run: when its verdict goes on at the latest, 15 minutes beyond its lease. For the fleet: when the
   * first of all verdicts does.
   */
  readonly until: string;
  /**
   * `canary`: it cannot reach the front door. `silence`: too few of the hosts that should be heard are heard. `sweeps`:
   * no sweep has looked for a while. `witness`: there are few hosts, and nobody else was heard since these fell silent.
   */
  readonly why: WhyFrozen;
};

export const freezeView = ({ since, until, why }: Pause): FreezeView => ({ since: iso(since), until: iso(until), why });
