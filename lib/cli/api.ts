import { type Problem, type ProblemName, problemName } from "../wire/problems.ts";
import { CommandError, UsageError } from "./usage.ts";

/** The owner's side of the HTTP API. */
export type Api = {
  readonly base: string;
  call<T>(method: "GET" | "PUT" | "POST", path: string, body?: unknown): Promise<T>;
};

/** An answer that is not a success, in one sentence; `problem` when it is one of ours. */
export class Refused extends CommandError {
  readonly status: number;
  readonly problem: ProblemName | undefined;

  constructor(message: string, status: number, problem: ProblemName | undefined) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** Longer than the 30 s after which an HTTP API gives up. */
const TIMEOUT_MS = 35_000;

/** The API at `url`, until `until` says that nobody waits any more. Every failure becomes one sentence that says what to do. */
export function api(url: string, until?: AbortSignal): Api {
  if (!URL.canParse(url) || !/^https?:/i.test(url)) throw new UsageError(`"${url}" is not the address of a front door`);
  const base = url.replace(/\/+$/, "");
  return {
    base,
    call: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const response = await request(base, method, path, body, until);
      const parsed = jsonOf(await response.text().catch(() => ""));
      if (response.ok && parsed !== undefined) return parsed as T;
      throw new Refused(explain(response.status, parsed, base), response.status, problemName(parsed));
    },
  };
}

async function request(
  base: string,
  method: string,
  path: string,
  body: unknown,
  until: AbortSignal | undefined,
): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(`${base}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      redirect: "manual",
      signal: until === undefined ? timeout : AbortSignal.any([timeout, until]),
    });
  } catch {
    throw new CommandError(
      `nothing answers at ${base}: start "lastbeat dev", or say where it is with --url or LASTBEAT_URL`,
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

function explain(status: number, body: unknown, base: string): string {
  if (typeof body === "object" && body !== null && "title" in body) {
    const { title, detail } = body as Problem;
    return detail === undefined ? title : `${title}: ${detail}`;
  }
  return `${base} answered ${status}, and not as Lastbeat would: is that the right URL?`;
}
