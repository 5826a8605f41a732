import middy from "@middy/core";
import type { ScheduledEvent } from "aws-lambda";
import { canary, type Probe } from "../lib/app/canary.ts";
import { baseOf } from "../lib/wire/base.ts";
import { problemName } from "../lib/wire/problems.ts";
import { frontDoor, theCanary } from "./connect.ts";

/** As long as a runner with a short lease waits. */
const TIMEOUT_MS = 5000;
/** Long enough to replace a Lambda or a connection, and short enough for three beats within the minute. */
const PAUSE_MS = 5000;

/** Refusals that only the table can cause: there is no such item, or a run with this id has another fence. */
const REFUSALS: ReadonlySet<unknown> = new Set(["ended", "superseded"]);

async function ask(
  path: string,
  more: RequestInit & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${baseOf(frontDoor())}${path}`, {
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...more,
    // Lambda freezes this process until the next beat in a minute. A kept connection would be dead then, and the beat
    // would fail.
    headers: { connection: "close", ...more.headers },
  });
  return { status: response.status, body: await response.json() };
}

/**
 * A beat for a run that does not exist. The expected refusal proves that the table was asked; any other answer does
 * not. In front of a JWT authorizer the canary has no token, so a refusal and an answer of the Lambda behind /healthz
 * are enough.
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

/** Invoked every minute: it beats through the public front door, as a runner does. */
export const handler = middy<ScheduledEvent, { failed: boolean }>().handler(() =>
  canary(theCanary(), probe, () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS))),
);
