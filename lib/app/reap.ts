import type { Reply } from "../core/decision.ts";
import { isHeld, type RunKey } from "../core/run.ts";
import { decide } from "../core/transitions.ts";
import type { App } from "./app.ts";
import { change } from "./change.ts";
import { registrationOf, settle } from "./settle.ts";

/** Finds the verdict on a run that was seen due, and records it with its debt in one write. */
export async function reap(app: App, key: RunKey): Promise<Reply> {
  const now = app.clock.now();
  const roll = app.dice.roll();
  const reply = await change(
    app,
    key,
    async (run) => {
      const evidence = isHeld(run) && run.host !== undefined ? await app.hosts.evidence(run.host) : [];
      return decide(run, { kind: "due", now, roll, registration: await registrationOf(app, run), evidence });
    },
    async () => ({ kind: "spared" }),
  );
  if (reply.kind === "owing") await settle(app, key);
  return reply;
}
