import { beat as decide } from "../core/beating.ts";
import type { Reply } from "../core/decision.ts";
import { renewal } from "../core/lease.ts";
import type { Progress } from "../core/run.ts";
import type { Claims } from "../wire/credentials.ts";
import type { App } from "./app.ts";
import { Contended } from "./change.ts";

/** The part of the app that a beat needs. */
export type Beats = Pick<App, "clock" | "keys"> & { readonly runs: Pick<App["runs"], "renew"> };

/** Renews the lease with one write. Nothing else is touched. */
export async function beat(app: Beats, token: Claims, progress?: Progress): Promise<Reply> {
  const forward = {
    ...renewal(token.fence, app.clock.now(), token.lease),
    ...(progress !== undefined && { progress }),
  };
  const { write, run } = await app.runs.renew(token, forward);
  if (run === undefined) return { kind: "ended" };
  const decision = decide(run, { kind: "beat", renewal: forward });
  // The reason why a beat is refused stays true, so a later read cannot find the lease renewable again. If it does, the
  // request fails.
  if (write === "stale" && decision.write === "renew") throw new Contended(`the beat of run ${token.run} was refused`);
  return decision.reply;
}
