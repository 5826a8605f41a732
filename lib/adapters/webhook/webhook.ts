import { request as plain, type RequestOptions } from "node:http";
import { request as encrypted } from "node:https";
import { useAgent } from "request-filtering-agent";
import { after, type Instant, milliseconds, type Span } from "../../core/time.ts";
import { Forbidden, type Webhook, type WebhookAnswer } from "../../ports/webhooks.ts";
import { printable } from "../../wire/printable.ts";
import { keptSecret } from "../kept-secret.ts";
import { secretsIn, signedHeaders } from "./signature.ts";

/** Where a webhook is. `allowPrivate`: its name may lead to an address of a private network, or of this machine. */
export type WebhookAddress = { readonly name: string; readonly url: string; readonly allowPrivate?: boolean };

/** Receivers are asked to take an event and work on it later. An invocation waits for this answer, and costs as long. */
const TIMEOUT_MS = 10_000;
/**
 * After no answer the others wait for so long, unasked. Otherwise each waiting event would hold an invocation for ten
 * seconds, and a thousand of them all invocations of the account, those of beats as well.
 */
const QUIET = milliseconds(15_000);

/** `Retry-After`: seconds, or a date. */
function retryAfterOf(header: string | undefined, now: Instant): Span | undefined {
  if (header === undefined) return undefined;
  const pause = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(pause) ? milliseconds(Math.max(0, pause)) : undefined;
}

/** The words of the agent that looks at each address to which a name leads, before it is connected to. */
const isForbidden = ({ message }: Error): boolean =>
  message.startsWith("DNS lookup") && message.includes("is not allowed");

/**
 * A webhook that is called over the network. Its name is resolved once for each connection, and the address that was
 * looked at is the one that is connected to. Redirects are not followed.
 */
export function httpWebhook(
  { name, url, allowPrivate = false }: WebhookAddress,
  readSecret: () => Promise<string>,
  now: () => Instant,
): Webhook {
  const agent = useAgent(url, { allowPrivateIPAddress: allowPrivate });
  const request = url.startsWith("https:") ? encrypted : plain;
  let quietUntil = now();
  const secrets = keptSecret(async () => secretsIn(await readSecret()), now);

  const send = (headers: Readonly<Record<string, string>>, body: string): Promise<WebhookAnswer> =>
    new Promise((resolve, reject) => {
      const options: RequestOptions = { method: "POST", agent, headers, signal: AbortSignal.timeout(TIMEOUT_MS) };
      const sent = request(url, options, (response) => {
        const retryAfter = retryAfterOf(response.headers["retry-after"], now());
        response.destroy(); // nothing that it says changes anything
        resolve({ status: response.statusCode ?? 0, ...(retryAfter !== undefined && { retryAfter }) });
      });
      sent.on("error", (error) => {
        if (isForbidden(error))
          return reject(new Forbidden(`leads to an address that is not public: ${new URL(url).host}`));
        quietUntil = after(now(), QUIET);
        reject(failure(error));
      });
      sent.end(body);
    });

  return {
    name,
    url,
    post: async (id, body) => {
      if (now() < quietUntil) throw new Error("it did not answer a moment ago");
      const signatures = signedHeaders(id, Math.floor(now() / 1000), body, await secrets());
      return send(
        {
          "content-type": "application/cloudevents+json",
          "content-length": String(Buffer.byteLength(body)),
          "user-agent": "lastbeat",
          ...signatures,
        },
        body,
      );
    },
  };
}

const failure = (error: Error): Error =>
  error.name === "AbortError" || error.name === "TimeoutError"
    ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`)
    : new Error(printable(error.message));
