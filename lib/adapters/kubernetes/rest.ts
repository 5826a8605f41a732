import { Agent, type RequestOptions, request } from "node:https";
import { createGunzip } from "node:zlib";

/** Where an API server is, and how a client proves who it is now. */
export type Access = {
  readonly server: URL;
  /** The client's side of TLS: the authority of the server, and a certificate of the client if it has one. */
  readonly tls: Pick<RequestOptions, "ca" | "cert" | "key" | "passphrase" | "rejectUnauthorized" | "servername">;
  /** A bearer token; absent if a certificate proves who it is. */
  readonly token?: string;
};

/** The way to an API server. */
export type Connection = {
  access(): Promise<Access>;
  /** The server has refused the token: the next access has to be made anew. */
  refused(): void;
};

/**
 * An answer of an API server that is no success. `told`: what it says to people. `reason` is its own word, such as
 * `NotFound` or `Conflict`.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly told: string;
  readonly reason: string | undefined;
  /** When the server asks its clients to wait: milliseconds. */
  readonly retryAfter: number | undefined;
  constructor(call: string, { status, message, reason, retryAfter }: Refusal) {
    super(`${call}: ${message}`);
    this.status = status;
    this.told = message;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

type Refusal = {
  readonly status: number;
  readonly message: string;
  readonly reason?: string | undefined;
  readonly retryAfter?: number | undefined;
};

export type Call = {
  readonly method?: "GET" | "POST" | "DELETE" | "PATCH";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly accept?: string;
};

/** How much an API server was asked, and how much it sent: calls, and bytes on the wire. */
export type Traffic = { calls: number; bytes: number };

export type Rest = {
  /** Throws an `ApiError` for an answer that is no success, and an `Error` if there is no answer in time. */
  call(call: Call): Promise<unknown>;
  readonly traffic: Traffic;
  close(): void;
};

/** A sweep has ten seconds, and asks several clusters at once. A page of 500 pods takes 0.2 s. */
const TIMEOUT_MS = 5_000;
/** 500 pods of 20 KB, five times. An answer beyond that is none that we asked for. */
const MOST_BYTES = 50 * 1024 * 1024;
/** The server has answered that it does not know us: once more, with a new token. */
const UNAUTHORIZED = 401;

/** Says why there was no answer, in words that name no secret. */
const broken = (server: URL, error: unknown): Error =>
  new Error(`${server.origin} does not answer: ${error instanceof Error ? error.message : String(error)}`);

function parsed(text: string, server: URL): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new Error(`${server.origin} has answered with something that is not JSON`);
  }
}

/** A server may close a connection that was kept open at the moment at which it is used again. */
class ClosedMeanwhile extends Error {}

type Answer = { readonly status: number; readonly text: string; readonly retryAfter?: number };

/** A client of one API server. Connections are kept open from one sweep to the next. */
export function restClient(connection: Connection): Rest {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, timeout: 60_000 });
  const traffic: Traffic = { calls: 0, bytes: 0 };

  const send = async ({ server, tls, token }: Access, call: Call): Promise<Answer> => {
    const { method = "GET", path, query = {}, body, accept = "application/json" } = call;
    const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const payload = body === undefined ? undefined : JSON.stringify(body);
    traffic.calls += 1;
    return new Promise<Answer>((resolve, reject) => {
      const fail = (error: unknown): void => reject(broken(server, error));
      const sent = request(
        url,
        {
          ...tls,
          method,
          agent,
          headers: {
            accept,
            "accept-encoding": "gzip",
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...(payload !== undefined && {
              "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
              "content-length": Buffer.byteLength(payload),
            }),
          },
          signal: AbortSignal.timeout(TIMEOUT_MS),
        },
        (response) => {
          const isZipped = response.headers["content-encoding"] === "gzip";
          const parts: Buffer[] = [];
          let size = 0;
          response.on("data", (part: Buffer) => {
            traffic.bytes += part.length;
          });
          const source = isZipped ? response.pipe(createGunzip()) : response;
          response.on("error", fail);
          source.on("error", fail);
          source.on("data", (part: Buffer) => {
            size += part.length;
            if (size > MOST_BYTES) sent.destroy(new Error(`it sends more than ${MOST_BYTES} bytes`));
            else parts.push(part);
          });
          source.on("end", () => {
            const after = Number(response.headers["retry-after"]);
            resolve({
              status: response.statusCode ?? 0,
              text: Buffer.concat(parts).toString("utf8"),
              ...(Number.isFinite(after) && { retryAfter: after * 1000 }),
            });
          });
        },
      );
      sent.on("error", (error: NodeJS.ErrnoException) =>
        sent.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? "")
          ? reject(new ClosedMeanwhile())
          : fail(error),
      );
      sent.end(payload);
    });
  };

  /** Every call may be repeated: what we make has its name, and what we delete its uid. */
  const sendKept = async (access: Access, asked: Call): Promise<Answer> => {
    for (;;) {
      try {
        return await send(access, asked);
      } catch (error) {
        if (!(error instanceof ClosedMeanwhile)) throw error; // at most one for each connection that was kept open
      }
    }
  };

  const call = async (asked: Call, isAgain = false): Promise<unknown> => {
    const access = await connection.access();
    const { server } = access;
    const { status, text, retryAfter } = await sendKept(access, asked);
    if (status >= 200 && status < 300) return parsed(text, server);
    if (status === UNAUTHORIZED && !isAgain) {
      connection.refused();
      return call(asked, true);
    }
    const { method = "GET", path } = asked;
    throw new ApiError(`${server.origin} answers ${status} to ${method} ${path}`, {
      ...told(text),
      status,
      retryAfter,
    });
  };
  return { call: (asked) => call(asked), traffic, close: () => agent.destroy() };
}

/** The words of a `Status` object. A proxy in between answers with something else. */
function told(text: string): { readonly message: string; readonly reason?: string } {
  try {
    const { message, reason } = JSON.parse(text) as { message?: unknown; reason?: unknown };
    if (typeof message === "string")
      return { message: message.slice(0, 300), ...(typeof reason === "string" && { reason }) };
  } catch {
    // no Status object
  }
  return { message: "no reason given" };
}
