import type { IncomingHttpHeaders } from "node:http";

/** Only these names are this machine: a web page can make any other name resolve to it. */
const isHere = (host: string): boolean => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(host);

/**
 * Whether a web page of another origin may have sent a request: the embedded server asks for no credentials. A page of
 * another port of this machine is of another origin, too.
 */
export function isForeign({ host = "", origin, "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  if (!isHere(host)) return true;
  if (origin !== undefined && origin.replace(/^https?:\/\//i, "") !== host) return true;
  return site !== undefined && site !== "none" && site !== "same-origin";
}

/** The same for a server that has no pages of its own: no client of AWS sends these headers. */
export const isOfPage = (headers: IncomingHttpHeaders): boolean =>
  isForeign(headers) || headers.origin !== undefined || headers["sec-fetch-site"] !== undefined;
