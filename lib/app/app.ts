import type { Span } from "../core/time.ts";
import type { Control } from "../ports/control.ts";
import type { Hosts } from "../ports/hosts.ts";
import type { Notices, Requeues } from "../ports/queues.ts";
import type { EndedRuns, Ledger, Oddities, Results, Specs } from "../ports/records.ts";
import type { Runs } from "../ports/runs.ts";
import type { Clock, Dice, Keys, Log } from "../ports/runtime.ts";

/** Everything the use cases need from outside. */
export type App = {
  /** How long the record of a run can be read. After that its id may be used again. */
  readonly retention: Span;
  /**
   * Whether an interruption that a runner reports counts for its whole host. Otherwise it counts only for its own
   * attempt.
   */
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
