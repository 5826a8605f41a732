import type { Report } from "../core/run.ts";
import type { Span } from "../core/time.ts";
import type { BeatBody, ClaimBody, FinishBody } from "../wire/replies.ts";
import { type Answer, interpret } from "./answer.ts";

export type HolderFacts = Readonly<Record<string, string>>;

/** The runner's calls, as the agent makes them. They never throw: what fails is an unclear answer. */
export type Door = {
  claim(ticket: string, holder: HolderFacts): Promise<Answer<ClaimBody>>;
  beat(token: string): Promise<Answer<BeatBody>>;
  finish(token: string, report: Report): Promise<Answer<FinishBody>>;
};

type Field = "string" | "number";

/** Whether the body has these fields in these types: what a broken proxy makes up does not. */
const has =
  (fields: Readonly<Record<string, Field>>) =>
  (body: object): boolean =>
    Object.entries(fields).every(([name, type]) => typeof (body as Record<string, unknown>)[name] === type);

export const isClaimBody = has({
  token: "string",
  attempt: "number",
  fence: "number",
  nextBeatSeconds: "number",
  directive: "string",
});
export const isBeatBody = has({ nextBeatSeconds: "number", directive: "string" });
export const isFinishBody = has({ state: "string" });

/** The front door at `url`, for one run. A call is given up after `timeout`. */
export function httpDoor(url: string, run: string, timeout: Span): Door {
  const base = `${url.replace(/\/+$/, "")}/v1/runs/${run}`;
  async function call<T>(
    name: string,
    credential: string,
    body: unknown,
    isExpected: (body: object) => boolean,
  ): Promise<Answer<T>> {
    try {
      const response = await fetch(`${base}/${name}`, {
        method: "POST",
        headers: { authorization: `Bearer ${credential}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        redirect: "manual", // a credential is not carried to another place
        signal: AbortSignal.timeout(timeout),
      });
      return interpret<T>(response.status, await parsed(response), isExpected);
    } catch (error) {
      return { kind: "unclear", detail: reasonOf(error) };
    }
  }
  return {
    claim: (ticket, holder) => call("claim", ticket, { holder }, isClaimBody),
    beat: (token) => call("beat", token, {}, isBeatBody),
    finish: (token, report) => call("finish", token, report, isFinishBody),
  };
}

async function parsed(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch hides the reason (refused, reset, timed out) in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
