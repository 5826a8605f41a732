import type { Reply } from "../core/decision.ts";
import { type Evidence, RUNNER } from "../core/evidence.ts";
import { isClaimed, type Run } from "../core/run.ts";
import { decide } from "../core/transitions.ts";
import type { Claims } from "../wire/credentials.ts";
import { printable } from "../wire/printable.ts";
import type { App } from "./app.ts";
import { type Changed, change } from "./change.ts";
import { sign } from "./credentials.ts";
import { reapAtGate } from "./reap.ts";
import { lineExpiryOf } from "./retention.ts";

/** The process that claims. `id` is 32 hex digits, made once per process; the other fields say where it runs. */
export type Holder = { readonly id: string; readonly host?: string } & Readonly<Record<string, string>>;

/** How much of what a holder tells about itself is kept. */
const HOLDER_LENGTH = 200;

/**
 * Two systems have started one attempt, or one has started it twice. It stands in the ledger, where people look, in the
 * words of that process. The answer to its claim does not depend on that.
 */
async function noteSecond(app: App, { run, fence }: Claims, { id, ...where }: Holder): Promise<void> {
  const told = Object.entries(where).map(([name, value]) => `${name} ${value}`);
  const note = printable(["another process was refused", ...told].join(", ")).slice(0, HOLDER_LENGTH);
  const evidence = { id: `start-${id}`, source: RUNNER, kind: "second-start", at: app.clock.now(), note } as const;
  try {
    await app.ledger.hear(run, fence, evidence);
  } catch (error) {
    app.log.write({ decision: "second-start-unnoted", run, fence, error: String(error) });
  }
}

export type Claimed = { readonly reply: Reply; readonly token?: string };

/**
 * The first runner with the ticket opens the attempt. The same holder may ask again. `isWatched`: the holder is a pod
 * without an agent, and somebody asks in its place.
 */
export async function claim(app: App, ticket: Claims, holder: Holder, isWatched?: true): Promise<Claimed> {
  const now = app.clock.now();
  const { run, shard, fence, attempt } = ticket;
  const { id, host } = holder;
  const registration = await app.specs.read(run, now);
  if (registration === undefined) return { reply: { kind: "ended" } };
  let isEntered = false;
  // The host entry is written before the evidence is read, and a notice writes evidence before it lists the entries. So
  // at least one of the two sees the other. A notice that finds the run not claimed yet moves its rev, so that the
  // evidence is read again.
  const evidenceFor = async (seen: Run): Promise<readonly Evidence[]> => {
    // A claim that opens nothing leaves no entry. Otherwise the holder of an old ticket could leave one for each host
    // name.
    if (host === undefined || seen.state !== "queued" || seen.fence !== fence) return [];
    if (!isEntered) await app.hosts.enter(host, { run, shard, fence, at: now }, lineExpiryOf(app, now));
    isEntered = true;
    return app.hosts.evidence(host);
  };
  const decided = (): Promise<Changed> =>
    change(
      app,
      ticket,
      async (seen) => {
        const evidence = await evidenceFor(seen);
        return decide(seen, {
          kind: "claim",
          fence,
          holder: id,
          ...(host !== undefined && { host }),
          ...(isWatched === true && { isWatched }),
          now,
          registration,
          evidence,
        });
      },
      async () => ({ kind: "ended" }),
    );
  const first = await decided();
  const { reply, seen } = first.reply.kind === "hold" && (await reapAtGate(app, ticket)) ? await decided() : first;
  if (reply.kind === "held-by-another") await noteSecond(app, ticket, holder);
  if (reply.kind !== "claimed") return { reply };
  // The same holder asked again, so the attempt was claimed before.
  const claimedAt = seen !== undefined && isClaimed(seen) ? seen.claimedAt : now;
  await app.ledger.claim(run, { attempt, fence, claimedAt, holder });
  return { reply, token: await sign(app, "token", ticket) };
}
