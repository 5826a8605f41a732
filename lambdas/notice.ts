import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import type { App } from "../lib/app/app.ts";
import { atOnce } from "../lib/app/at-once.ts";
import { notice, noticeOfRunner } from "../lib/app/notice.ts";
import { expiryOf } from "../lib/app/retention.ts";
import { parseEvent } from "../lib/aws/notices/parse.ts";
import type { Parsed } from "../lib/aws/notices/parsed.ts";
import type { Evidence } from "../lib/core/evidence.ts";
import { fence as fenceOf } from "../lib/core/run.ts";
import { fromIso } from "../lib/wire/instants.ts";
import { type AttemptNotice, continuedOf, ownMessage } from "../lib/wire/notices.ts";
import { theApp } from "./connect.ts";

/** Ten messages a batch, a few at once: an event about a host that carries nothing of ours is two requests. */
const AT_ONCE = 5;

const KINDS = { sigterm: "sigterm", spot: "spot-interruption", rebalance: "rebalance" } as const;

/** A runner's word: about its whole host when AWS takes that, else about its own attempt alone. */
async function ofRunner(app: App, id: string, { run, shard, fence, kind, at, deadline }: AttemptNotice): Promise<void> {
  const evidence: Evidence = { id, source: "runner", kind: KINDS[kind], at: fromIso(at) };
  const until = deadline === undefined ? {} : { deadline: fromIso(deadline) };
  const found = await app.runs.read({ run, shard });
  const host = found !== undefined && "host" in found && found.fence === fence ? found.host : undefined;
  if (host !== undefined && kind !== "sigterm") await notice(app, { host, evidence, ...until });
  else await noticeOfRunner(app, { run, shard, fence: fenceOf(fence) }, evidence, until.deadline);
}

/** Sees to one message. What cannot be understood is kept for people, and changes nothing. */
async function handle(app: App, body: string): Promise<void> {
  const event = jsonOf(body);
  const own = ownMessage(event);
  if (own?.["detail-type"] === "Lastbeat Attempt Notice") return ofRunner(app, own.id, own.detail);
  if (own?.["detail-type"] === "Lastbeat Notice Continued") {
    const { notice: told, seenUpTo } = continuedOf(own.detail);
    await notice(app, told, seenUpTo);
    return;
  }
  const now = app.clock.now();
  const parsed = parseEvent(event, now);
  if (parsed.kind === "notices") for (const one of parsed.notices) await notice(app, one);
  const odd = oddityOf(parsed);
  if (odd === undefined) return;
  app.log.write({ decision: "not-understood", error: odd });
  await app.oddities.keep(body, odd, now, expiryOf(app, now));
}

/** Why an event is kept for people; undefined when all of it was understood. */
function oddityOf(parsed: Parsed): string | undefined {
  if (parsed.kind === "unknown") return parsed.why;
  if (parsed.kind === "ignored" || parsed.surplus === undefined) return undefined;
  return `${parsed.surplus} more hosts than one event may name`;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** A batch of events. One that fails comes again, and after five times goes to the dead letters; the others are done. */
export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }) => {
  const app = theApp();
  const batchItemFailures: { itemIdentifier: string }[] = [];
  await atOnce(Records, AT_ONCE, async ({ body, messageId }: SQSRecord) => {
    try {
      await handle(app, body);
    } catch (error) {
      app.log.write({ decision: "notice-failed", error: String(error) });
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  });
  return { batchItemFailures };
});
