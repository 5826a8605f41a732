import type { Hold, WhyFrozen } from "../core/freeze.ts";
import { iso } from "./instants.ts";

/** That verdicts by the clock wait, because the fault may be ours. */
export type FreezeView = {
  /** RFC 3339. Since when sweeps have found it so. */
  readonly since: string;
  /**
   * RFC 3339. Of one run: when its verdict goes on at the latest, 15 minutes beyond its lease. Of the fleet: when the
   * first of all verdicts does.
   */
  readonly until: string;
  /**
   * `canary`: it cannot reach the front door. `silence`: too few hosts are heard of all that should be. `sweeps`: none has looked
   * for a while. `witness`: there are few hosts, and nobody else was heard since these fell silent.
   */
  readonly why: WhyFrozen;
};

export const freezeView = ({ since, until, why }: Hold): FreezeView => ({ since: iso(since), until: iso(until), why });
