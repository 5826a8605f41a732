import middy from "@middy/core";
import type { ScheduledEvent } from "aws-lambda";
import { canary, type Probe } from "../lib/app/canary.ts";
import { baseOf } from "../lib/wire/base.ts";
import { problemName } from "../lib/wire/problems.ts";
import { frontDoor, theCanary } from "./connect.ts";

/** As long as a runner with a short lease would wait. */
const TIMEOUT_MS = 5000;
/** Long enough for a Lambda or a connection that is being replaced, and all three beats still end within the minute. */
const PAUSE_MS = 5000;

/** What the table leads to: no such item, or, should somebody have registered that name, one with another fence. */
const REFUSALS: ReadonlySet<unknown> = new Set(["ended", "superseded"]);

async function ask(
  path: string,
  more: RequestInit & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${baseOf(frontDoor())}${path}`, {
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...more,
    // The next beat comes in a minute, out of a freeze: a connection that was kept would be dead by then, and fail it.
    headers: { connection: "close", ...more.headers },
  });
  return { status: response.status, body: await response.json() };
}

/**
 * A beat of a run that never was: our own refusal has been at the table, and anything else has not. Where a JWT authorizer
 * stands before the beats the canary has no such token, and is content with a Lambda that answers behind the same door.
 */
export const probe: Probe = async (run, token) => {
  try {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const { status, body } = await ask(`/v1/runs/${run}/beat`, { method: "POST", headers, body: "{}" });
    const name = problemName(body);
    if (status === 401 && name === undefined) return (await ask("/healthz")).status === 200;
    return REFUSALS.has(name);
  } catch {
    return false;
  }
};

/** Fired every minute: beats through the public front door, as a runner would. */
export const handler = middy<ScheduledEvent, { failed: boolean }>().handler(() =>
  canary(theCanary(), probe, () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS))),
);
