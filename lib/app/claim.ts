import type { Reply } from "../core/decision.ts";
import type { Evidence } from "../core/evidence.ts";
import { isHeld, type Run } from "../core/run.ts";
import { decide } from "../core/transitions.ts";
import type { Claims } from "../wire/credentials.ts";
import type { App } from "./app.ts";
import { change } from "./change.ts";
import { sign } from "./credentials.ts";
import { openGate } from "./reap.ts";
import { lineExpiryOf } from "./retention.ts";

/** Who claims: `id` is 32 hex digits made once per process, the rest says where it runs. */
export type Holder = { readonly id: string; readonly host?: string } & Readonly<Record<string, string>>;

export type Claimed = { readonly reply: Reply; readonly token?: string };

/** The first holder with the ticket opens the attempt; the same holder may ask again. */
export async function claim(app: App, ticket: Claims, holder: Holder): Promise<Claimed> {
  const now = app.clock.now();
  const { run, shard, fence, attempt } = ticket;
  const { id, host } = holder;
  const registration = await app.specs.read(run, now);
  if (registration === undefined) return { reply: { kind: "ended" } };
  let claimedAt = now;
  let isEntered = false;
  // The host entry is written before the evidence is read, and a notice writes evidence before it lists the entries: one of
  // the two sees the other. A notice that finds the run not claimed yet moves its rev, so that the evidence is read again.
  const evidenceFor = async (seen: Run): Promise<readonly Evidence[]> => {
    // A claim that opens nothing leaves no entry: the holder of an old ticket could otherwise leave one for each name of a host.
    if (host === undefined || seen.state !== "queued" || seen.fence !== fence) return [];
    if (!isEntered) await app.hosts.enter(host, { run, shard, fence, at: now }, lineExpiryOf(app, now));
    isEntered = true;
    return app.hosts.evidence(host);
  };
  const decided = (): Promise<Reply> =>
    change(
      app,
      ticket,
      async (seen) => {
        if (isHeld(seen)) claimedAt = seen.claimedAt;
        const evidence = await evidenceFor(seen);
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
