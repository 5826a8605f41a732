import type { Renewal } from "./lease.ts";
import type { Directive, Fence, Outcome, Run, State } from "./run.ts";
import type { Instant, Span } from "./time.ts";

/** The reply to the caller. */
export type Reply =
  | {
      readonly kind: "claimed";
      readonly attempt: number;
      readonly fence: Fence;
      readonly lease: Span;
      readonly directive: Directive;
      readonly onCutOff: "stop" | "continue";
    }
  | {
      readonly kind: "renewed";
      readonly lease: Span;
      readonly directive: Directive;
      readonly reason?: string;
      readonly deadline?: Instant;
    }
  | { readonly kind: "finished"; readonly state: State; readonly outcome?: Outcome }
  | { readonly kind: "accepted"; readonly state: State }
  | { readonly kind: "spared" }
  | { readonly kind: "owing" }
  | { readonly kind: "reaped"; readonly isByClock?: boolean }
  | { readonly kind: "frozen"; readonly awaited: "thaw" | "witness" }
  | { readonly kind: "limited" }
  | { readonly kind: "noted" }
  | { readonly kind: "leaving" }
  | { readonly kind: "refunded" }
  | Refusal;

/**
 * The guard on the due time, in addition to rev. `is`: no beat came since the run was read. `atMost`: the last beat
 * came before the proved death. A later beat would disprove it.
 */
export type DueGuard = { readonly is: Instant } | { readonly atMost: Instant };

/** A refused request. It is expected, so it is a value and not an error. Nothing was changed. */
export type Refusal =
  | { readonly kind: "hold" }
  | { readonly kind: "held-by-another" }
  | { readonly kind: "superseded"; readonly attempt: number; readonly fence: Fence }
  | { readonly kind: "finished-otherwise" }
  | { readonly kind: "overran" }
  | { readonly kind: "canceling" }
  | { readonly kind: "ended" };

/**
 * What one event does to one run: at most one guarded write, and a reply that is true once it is written. `replace` is
 * guarded by rev, and also by the due time if the decision rests on the clock or on a proof of death. `renew` moves a
 * lease forward.
 */
export type Decision =
  | { readonly write: "none"; readonly reply: Reply }
  | { readonly write: "replace"; readonly next: Run; readonly due?: DueGuard; readonly reply: Reply }
  | { readonly write: "renew"; readonly renewal: Renewal; readonly reply: Reply };

export const refuse = (reply: Reply): Decision => ({ write: "none", reply });

/** The fence of the caller is no longer the current one. */
export const superseded = (run: Run): Refusal => ({ kind: "superseded", attempt: run.attempt, fence: run.fence });
