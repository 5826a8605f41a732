import type { Target } from "../core/spec.ts";
import type { Instant, Span } from "../core/time.ts";

/** A message in the form of docs/protocol.md. lib/wire builds it, and the queue does not look inside. */
export type RequeueMessage = {
  readonly id: string;
  readonly body: string;
  /** `queue`: for consumers of the owner. Any other kind has a dispatcher of ours, with a queue of its own. */
  readonly target: Target["kind"];
};

/** The deployment has nothing that starts the attempts of a target: its settings have changed since a run was registered. */
export class NobodyStarts extends Error {}

export type Requeues = {
  /** Throws a `NobodyStarts` if there is no queue for the target. */
  send(message: RequeueMessage): Promise<void>;
};

/** A sweep that is to begin at `at`. A tick is worthless long after that. */
export type Tick = { readonly at: Instant };

export type Ticks = {
  /** Visible to the sweeper after `delay`: whole seconds, at most 15 minutes. */
  send(ticks: readonly { readonly tick: Tick; readonly delay: Span }[]): Promise<void>;
};

/**
 * The queue that all evidence about hosts goes through, from rules, operators and runners. Its messages have the form
 * of EventBridge's events.
 */
export type Notices = { send(event: object): Promise<void> };
