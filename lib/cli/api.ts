import type { Problem } from "../wire/problems.ts";
import { CommandError } from "./usage.ts";

/** The owner's side of the HTTP API. */
export type Api = {
  call<T>(method: "GET" | "PUT" | "POST", path: string, body?: unknown): Promise<T>;
};

/** Longer than the 30 s after which an HTTP API gives up. */
const TIMEOUT_MS = 35_000;

/** The API at `url`. Every failure becomes one sentence that says what to do. */
export function api(url: string): Api {
  const base = url.replace(/\/+$/, "");
  return {
    call: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const response = await request(base, method, path, body);
      const text = await response.text();
      const parsed = jsonOf(text);
      if (response.ok && parsed !== undefined) return parsed as T;
      throw new CommandError(explain(response.status, parsed, base));
    },
  };
}

async function request(base: string, method: string, path: string, body: unknown): Promise<Response> {
  try {
    return await fetch(`${base}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
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
