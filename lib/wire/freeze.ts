import { type Freeze, valveOpens } from "../core/freeze.ts";
import { iso } from "./instants.ts";

/** Verdicts by the clock are frozen. */
export type FreezeView = {
  /** RFC 3339. Since when sweeps have found it so. */
  readonly since: string;
  /** RFC 3339. 15 minutes after `since`. A verdict waits for at most 15 minutes beyond its own lease, which may be over later. */
  readonly until: string;
  /** `canary`: it cannot reach the front door. `silence`: too few hosts are heard of all that should be. */
  readonly why: "canary" | "silence";
};

export const freezeView = (freeze: Freeze): FreezeView => ({
  since: iso(freeze.since),
  until: iso(valveOpens(freeze)),
  why: freeze.why ?? "silence",
});
