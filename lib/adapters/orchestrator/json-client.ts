import * as z from "zod/mini";
import { milliseconds } from "../../core/time.ts";
import { Busy, Refused } from "../../ports/dispatch.ts";
import { printable } from "../../wire/printable.ts";

/** What a server has answered. `body`: undefined if it is empty. */
export type JsonAnswer = { readonly status: number; readonly body: unknown };

export type JsonCall = {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Under the address of the server: `flow_runs/...`. */
  readonly path: string;
  readonly body?: unknown;
  /** Refusals that say something to the caller, such as 404. */
  readonly expects?: readonly number[];
};

/** The API of an orchestrator. Throws a `Busy` if it does not answer now, and a `Refused` for what it refuses for good. */
export type JsonClient = (call: JsonCall) => Promise<JsonAnswer>;

/** An API that lives answers in less. An invocation of 30 s makes at most nine such calls. */
const TIMEOUT_MS = 3_000;
/** How much of what a server says is passed on. */
const TOLD = 300;

/** They pass: the server has too much to do, or is deployed. */
const BUSY: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** `what`: the server in words, as `the server of Prefect prod`. `headers`: how we prove who we are, now. */
export function jsonClient(
  what: string,
  url: string,
  headers: () => Promise<Readonly<Record<string, string>>>,
): JsonClient {
  const base = url.endsWith("/") ? url : `${url}/`;
  return async ({ method, path, body, expects = [] }) => {
    const proof = await headers();
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(path, base), {
        method,
        headers: {
          accept: "application/json",
          "user-agent": "lastbeat",
          ...proof,
          ...(body !== undefined && JSON_BODY),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: "manual", // a proof is shown to nobody else
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      throw new Busy(`${what} does not answer: ${printable(reasonOf(error))}`);
    }
    const { status } = response;
    const call = `${method} ${path}`;
    if (response.ok || expects.includes(status)) return { status, body: parsed(text, `${what} to ${call}`) };
    const told = `${what} answers ${status} to ${call}: ${printable(text.slice(0, TOLD))}`;
    if (BUSY.has(status)) throw new Busy(told, retryAfterOf(response));
    if (status === 401 || status === 403)
      throw new Refused(
        `${told}; look at the secret of the settings, and whether the server asks for CSRF tokens`,
        OF_OPERATOR,
      );
    throw new Refused(told, OF_OPERATOR);
  };
}

const JSON_BODY = { "content-type": "application/json" };
/** No run asks for what these calls say: the settings, or the server, have to be mended. */
export const OF_OPERATOR = { isOwn: false };

/** What a server has answered, as the schema says. */
export function answered<T>(what: string, schema: z.ZodMiniType<T>, body: unknown): T {
  const found = schema.safeParse(body);
  if (found.success) return found.data;
  throw new Busy(`${what} answers in a form that is not known: ${z.prettifyError(found.error)}`);
}

/** The text of a secret. It stands in a header: what is not visible there is refused, and never shown. */
export function secretText(what: string, secret: string): string {
  const text = secret.trim();
  if (/^[\x20-\x7e]*$/.test(text) && !text.startsWith("{")) return text;
  throw new Refused(`the secret for ${what} is one line of text, and no JSON`, OF_OPERATOR);
}

/** `fetch` hides the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${TIMEOUT_MS / 1000} s`;
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Whole seconds. A date is not used by these servers. */
function retryAfterOf({ headers }: Response): ReturnType<typeof milliseconds> | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? milliseconds(seconds * 1000) : undefined;
}

function parsed(text: string, answer: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Busy(`${answer} answers with something that is not JSON`);
  }
}
