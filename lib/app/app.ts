import type { Span } from "../core/time.ts";
import type { Control } from "../ports/control.ts";
import type { Clock, Dice, Keys, Log } from "../ports/environment.ts";
import type { Hosts } from "../ports/hosts.ts";
import type { Notices, Requeues } from "../ports/queues.ts";
import type { EndedRuns, Ledger, Oddities, Results, Specs } from "../ports/records.ts";
import type { Runs } from "../ports/runs.ts";

/** Everything the use cases need from outside. */
export type App = {
  /** How long what happened to a run can be asked for; then its id may be used again. */
  readonly retention: Span;
  /** Whether a runner's word of an interruption counts for its whole host; else it counts for its own attempt alone. */
  readonly trustRunners?: boolean;
  readonly clock: Clock;
  readonly dice: Dice;
  readonly keys: Keys;
  readonly log: Log;
  readonly runs: Runs;
  readonly specs: Specs;
  readonly ledger: Ledger;
  readonly results: Results;
  readonly endedRuns: EndedRuns;
  readonly hosts: Hosts;
  readonly control: Control;
  readonly requeues: Requeues;
  readonly notices: Notices;
  readonly oddities: Oddities;
};
