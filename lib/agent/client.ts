import type { Progress, Report } from "../core/run.ts";
import type { Span } from "../core/time.ts";
import { baseOf } from "../wire/base.ts";
import { whyFetchFailed } from "../wire/fetch-failure.ts";
import { segmentOf } from "../wire/ids.ts";
import type { BeatBody, ClaimBody, FinishBody } from "../wire/replies.ts";
import { IDENTITY_HEADER } from "../wire/routes.ts";
import { type Answer, interpret } from "./answer.ts";
import type { NoticeKind } from "./heart-types.ts";

export type HolderFacts = Readonly<Record<string, string>>;

/** What a runner tells about its host. Instants are RFC 3339. */
export type Notice = { readonly kind: NoticeKind; readonly at: string; readonly deadline?: string };

/** The runner's calls, as the agent makes them. They never throw: a call that fails is an unclear answer. */
export type Door = {
  claim(ticket: string, holder: HolderFacts): Promise<Answer<ClaimBody>>;
  beat(token: string, progress?: Progress): Promise<Answer<BeatBody>>;
  notice(token: string, notice: Notice): Promise<Answer<object>>;
  finish(token: string, report: Report): Promise<Answer<FinishBody>>;
};

type Field = "string" | "number";

/** Whether the body has these fields with these types. An answer that a broken proxy makes up does not. */
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

/** Status of an accepted notice. */
const ACCEPTED = 202;

/** How a run's calls are made. A call is given up after `timeout`, or when `until` is aborted. */
export type Caller = {
  readonly run: string;
  readonly timeout: Span;
  readonly until?: AbortSignal;
  /** The token of the cluster, if the front door asks for one. It is read for each call, because it is renewed. */
  readonly identity?: (() => string | undefined) | undefined;
};

/** The front door at `url`, for one run. */
export function httpDoor(url: string, { run, timeout, until, identity }: Caller): Door {
  const base = `${baseOf(url)}/v1/runs/${segmentOf(run)}`;
  async function call<T>(
    name: string,
    credential: string,
    body: unknown,
    isExpected: (body: object) => boolean,
  ): Promise<Answer<T>> {
    try {
      const inTime = AbortSignal.timeout(timeout);
      const shown = identity?.();
      const response = await fetch(`${base}/${name}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${credential}`,
          "content-type": "application/json",
          ...(shown !== undefined && { [IDENTITY_HEADER]: `Bearer ${shown}` }),
        },
        body: JSON.stringify(body),
        redirect: "manual", // a credential is not sent on to another address
        signal: until === undefined ? inTime : AbortSignal.any([inTime, until]),
      });
      const status = name === "notice" && response.status === ACCEPTED ? 200 : response.status;
      return interpret<T>(status, await parsed(response), isExpected, response.headers.get("retry-after"));
    } catch (error) {
      return { kind: "unclear", detail: whyFetchFailed(error) };
    }
  }
  return {
    claim: (ticket, holder) => call("claim", ticket, { holder }, isClaimBody),
    beat: (token, progress) => call("beat", token, progress === undefined ? {} : { progress }, isBeatBody),
    notice: (token, notice) => call("notice", token, notice, () => true),
    finish: async (token, report) => {
      const answer = await call<FinishBody>("finish", token, report, isFinishBody);
      const isUnknown = answer.kind === "problem" && answer.name === "invalid" && !isPlain(report);
      return isUnknown ? call("finish", token, plain(report), isFinishBody) : answer;
    },
  };
}

/** Whether version 0.1.0 knows all words of a report. A service of that version refuses what it does not know. */
const isPlain = ({ memoryLimitBytes, outcome }: Report): boolean =>
  memoryLimitBytes === undefined && outcome !== "canceled";

/** The report in the words of version 0.1.0: an end without the others is better than none. */
const plain = ({ memoryLimitBytes: _, ...report }: Report): Report =>
  report.outcome === "canceled" ? { ...report, outcome: "interrupted" } : report;

/** The addresses of a list that is separated by commas. */
export const addressesOf = (urls: string): readonly string[] =>
  urls
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");

/**
 * Several front doors as one. After an unclear answer the next request goes to the next front door. The answer then gives the reasons of all
 * front doors that are not clear, each with its address.
 */
function failingOver(addresses: readonly [string, ...string[]], open: (address: string) => Door): Door {
  const doorAt = (address: string) => ({ address, door: open(address) });
  const [first, ...more] = addresses;
  const doors = [doorAt(first), ...more.map(doorAt)] as const;
  const reasons = new Map<string, string>();
  let next = 0;
  const ask = async <T>(call: (door: Door) => Promise<Answer<T>>): Promise<Answer<T>> => {
    const asked = next;
    const { address, door } = doors[asked] ?? doors[0];
    const answer = await call(door);
    if (answer.kind !== "unclear") {
      reasons.delete(address);
      return answer;
    }
    // If two requests were out at once, the second must not skip a front door that may be good.
    if (next === asked) next = (asked + 1) % doors.length;
    reasons.set(address, answer.detail);
    return { ...answer, detail: [...reasons].map(([at, reason]) => `${at}: ${reason}`).join("; ") };
  };
  return {
    claim: (ticket, holder) => ask((door) => door.claim(ticket, holder)),
    beat: (token, progress) => ask((door) => door.beat(token, progress)),
    notice: (token, notice) => ask((door) => door.notice(token, notice)),
    finish: (token, report) => ask((door) => door.finish(token, report)),
  };
}

/**
 * All front doors of a list, for one run. Beats go to the address that the reply to the claim names, if it names one.
 * If that address fails, the front doors take the beats.
 */
export function frontDoors(urls: string, caller: Caller): Door {
  const open = (url: string): Door => httpDoor(url, caller);
  const [first = urls, ...more] = addressesOf(urls);
  const all = failingOver([first, ...more], open);
  let beats = all;
  return {
    ...all,
    claim: async (ticket, holder) => {
      const answer = await all.claim(ticket, holder);
      const beatUrl = answer.kind === "ok" ? answer.body.beatUrl : undefined;
      if (isAsSafe(beatUrl, first)) beats = failingOver([beatUrl, first, ...more], open);
      return answer;
    },
    beat: (token, progress) => beats.beat(token, progress),
  };
}

/** An address to which a token may be sent: one with TLS, or one without, if the front door has none either. */
const isAsSafe = (url: unknown, door: string): url is string =>
  typeof url === "string" &&
  URL.canParse(url) &&
  (new URL(url).protocol === "https:" || new URL(url).protocol === URL.parse(door)?.protocol);

/** Our answers have a few hundred bytes. A gateway that streams must not fill the memory beside the work. */
const MOST_BYTES = 64 * 1024;

async function parsed(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MOST_BYTES) return undefined; // leaving the loop cancels the rest
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}
