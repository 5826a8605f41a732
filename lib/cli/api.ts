import { setTimeout as pause } from "node:timers/promises";
import type { Signed, Signer, Unsigned } from "../stack/sign.ts";
import { baseOf } from "../wire/base.ts";
import { whyFetchFailed } from "../wire/fetch-failure.ts";
import { segmentOf } from "../wire/ids.ts";
import { type Problem, type ProblemName, problemName } from "../wire/problems.ts";
import { requireAddress } from "./address.ts";
import { CommandError } from "./errors.ts";

/** The owner's side of the HTTP API. */
export type Api = {
  readonly base: string;
  call<T>(method: "GET" | "PUT" | "POST", path: string, body?: unknown): Promise<T>;
};

/** An answer that is not a success, in one sentence. `problem`: its name, if it comes from Lastbeat. */
export class Refused extends CommandError {
  readonly status: number;
  readonly problem: ProblemName | undefined;

  constructor(message: string, status: number, problem: ProblemName | undefined) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** The path of a run in the API. */
export const runPath = (run: string): string => `/v1/runs/${segmentOf(run)}`;

/** Longer than the 30 s after which an HTTP API gives up. */
const TIMEOUT_MS = 35_000;

/**
 * Throttled or contended: nothing was done, and a later try may succeed. An orchestrator that registers 1,000 runs gets
 * these.
 */
const BUSY: ReadonlySet<number> = new Set([429, 503]);
const TRIES = 5;

/**
 * As the answer asks, up to 10 s; else 1, 2, 4, 8 s. Up to half is added at random, so that not all callers come back
 * at once.
 */
function pauseOf(response: Response, tries: number): number {
  const asked = Number(response.headers.get("retry-after") ?? Number.NaN);
  const seconds = asked > 0 ? Math.min(asked, 10) : 2 ** (tries - 1);
  return 1000 * seconds * (1 + Math.random() / 2);
}

/** `until` is aborted when nobody waits for the answer any more. Without a signer, requests are not signed. */
export type ApiSettings = { readonly until?: AbortSignal; readonly signer?: Signer | undefined };

/** The API at `url`. Every failure becomes one sentence that says what to do. */
export function api(url: string, { until, signer }: ApiSettings = {}): Api {
  requireAddress(url);
  const base = baseOf(url);
  return {
    base,
    call: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const sent = requestOf(base, method, path, body);
      let signed = await signer?.sign(sent);
      let response = await request(base, sent, signed, until);
      for (let tries = 1; tries < TRIES && BUSY.has(response.status); tries += 1) {
        await pause(pauseOf(response, tries), undefined, { signal: until });
        signed = await signer?.sign(sent); // a signature expires
        response = await request(base, sent, signed, until);
      }
      const parsed = jsonOf(await response.text().catch(() => ""));
      if (response.ok && parsed !== undefined) return parsed as T;
      const { status } = response;
      const why = isOurs(parsed) ? titleOf(parsed) : await gatewaySays(base, status, parsed, signed, signer);
      throw new Refused(why, status, problemName(parsed));
    },
  };
}

function requestOf(base: string, method: string, path: string, body: unknown): Unsigned {
  // A signature allows only %20 for a space; URLSearchParams writes a space as a plus, and a plus as %2B.
  const [name = "", query] = path.split("?");
  return {
    method,
    url: new URL(`${base}${name}${query === undefined ? "" : `?${query.replaceAll("+", "%20")}`}`),
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  };
}

/** An embedded server that was just started needs a moment, as in `lastbeat dev & lastbeat register ...`. */
const STARTING_MS = 5000;
const ASK_AGAIN_MS = 200;
const isStarting = ({ hostname }: URL, { cause }: { readonly cause?: unknown }): boolean =>
  hostname === "127.0.0.1" && (cause as NodeJS.ErrnoException | undefined)?.code === "ECONNREFUSED";

async function request(
  base: string,
  sent: Unsigned,
  signed: Signed | undefined,
  until: AbortSignal | undefined,
  patience = performance.now() + STARTING_MS,
): Promise<Response> {
  const { method, url, body, headers } = sent;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(url, {
      method,
      ...(body !== undefined && { body }),
      headers: { ...headers, ...(signed?.kind === "signed" && signed.headers) },
      redirect: "manual",
      signal: until === undefined ? timeout : AbortSignal.any([timeout, until]),
    });
  } catch (error) {
    if (isStarting(url, error as Error) && performance.now() < patience) {
      await pause(ASK_AGAIN_MS, undefined, { signal: until });
      return request(base, sent, signed, until, patience);
    }
    throw new CommandError(
      `nothing answers at ${base}: ${whyFetchFailed(error)}. Start "lastbeat dev", or name the address with --url, --stack or LASTBEAT_URL`,
    );
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isOurs = (body: unknown): body is Problem => typeof body === "object" && body !== null && "title" in body;

/** Problems whose details say all. */
const PLAIN: ReadonlySet<string> = new Set(["malformed", "invalid", "not-found"]);

/** The options that stand for fields of a body. */
const OPTIONS: Readonly<Record<string, string>> = {
  leaseSeconds: "--lease",
  deadlineSeconds: "--deadline",
  labels: "--label",
  start: "--start",
  reason: "--reason",
  attempt: "--attempt",
};

/** A problem in a sentence, with the options that the user knows, and the page that explains it. */
function titleOf(problem: Problem): string {
  const { title, detail } = problem;
  const name = problemName(problem) ?? "";
  const said = detail?.replaceAll(/(^|; )(\w+): /g, (all, before: string, field: string) => {
    const option = OPTIONS[field];
    return option === undefined ? all : `${before}${option}: `;
  });
  if (said !== undefined && PLAIN.has(name)) return said;
  return `${title}${said === undefined ? "" : `: ${said}`} (docs/problems.md#${name})`;
}

/** The message of a gateway in front of the Lambdas, if there is one: "message", or "Message" of a REST API. */
function messageOf(body: unknown): string {
  if (typeof body !== "object" || body === null) return "";
  const said = "message" in body ? body.message : "Message" in body ? body.Message : undefined;
  return typeof said === "string" ? said : "";
}

/** Why a gateway, and not Lastbeat, refused the call, as far as the answer tells. */
async function gatewaySays(
  base: string,
  status: number,
  body: unknown,
  signed: Signed | undefined,
  signer: Signer | undefined,
): Promise<string> {
  const message = messageOf(body);
  const answered = `${base} answered ${status}${message === "" ? "" : ` (${message})`}`;
  if (status !== 401 && status !== 403) return `${answered}, which is not an answer of Lastbeat: check the URL`;
  if (signed === undefined)
    return `${answered}, which is not an answer of Lastbeat: check the URL, and sign the calls if it needs that (LASTBEAT_SIGN=always)`;
  if (signed.kind === "unsigned")
    return `${answered}: there were no AWS credentials to sign the call with (${signed.why}); set AWS_PROFILE, or sign in`;
  if (/signature|security token|credential/i.test(message))
    return `${answered}: it does not accept the signature; check the AWS credentials, the region and the clock`;
  const who = (await signer?.caller()) ?? `the owner of the access key ${signed.by}`;
  return `${answered}: ${who} is not allowed to call it: allow execute-api:Invoke`;
}
