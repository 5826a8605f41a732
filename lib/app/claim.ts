import type { Reply } from "../core/decision.ts";
import { isHeld } from "../core/run.ts";
import { decide } from "../core/transitions.ts";
import type { Claims } from "../wire/credentials.ts";
import type { App } from "./app.ts";
import { change } from "./change.ts";
import { sign } from "./credentials.ts";
import { known } from "./known.ts";
import { openGate } from "./reap.ts";
import { expiryOf } from "./retention.ts";

/** Who claims: `id` is 32 hex digits made once per process, the rest says where it runs. */
export type Holder = { readonly id: string; readonly host?: string } & Readonly<Record<string, string>>;

export type Claimed = { readonly reply: Reply; readonly token?: string };

/** The first holder with the ticket opens the attempt; the same holder may ask again. */
export async function claim(app: App, ticket: Claims, holder: Holder): Promise<Claimed> {
  const now = app.clock.now();
  const { run, shard, fence, attempt } = ticket;
  const { id, host } = holder;
  // The host entry is written before the evidence is read, and a notice writes evidence before it lists the entries: one of
  // the two sees the other. A notice that finds the run not claimed yet moves its rev, so that the evidence is read again.
  if (host !== undefined) await app.hosts.enter(host, { run, shard, fence, at: now }, expiryOf(app, now));
  const registration = await app.specs.read(run, now);
  if (registration === undefined) return { reply: { kind: "ended" } };
  let claimedAt = now;
  const decided = (): Promise<Reply> =>
    change(
      app,
      ticket,
      async (seen) => {
        if (isHeld(seen)) claimedAt = seen.claimedAt;
        const evidence = await known(app, host, ticket);
        return decide(seen, {
          kind: "claim",
          fence,
          holder: id,
          ...(host !== undefined && { host }),
          now,
          registration,
          evidence,
        });
      },
      async () => ({ kind: "ended" }),
    );
  let reply = await decided();
  if (reply.kind === "hold" && (await openGate(app, ticket))) {
    claimedAt = now;
    reply = await decided();
  }
  if (reply.kind !== "claimed") return { reply };
  await app.ledger.claim(run, { attempt, fence, claimedAt, holder });
  return { reply, token: await sign(app, "token", ticket) };
}
