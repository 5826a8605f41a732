import type { IncomingHttpHeaders } from "node:http";

/** Whatever a resolver makes of a name, only these are this machine: a page may have any other name lead here. */
const isHere = (host: string): boolean => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(host);

/**
 * Whether a page that a browser shows from elsewhere may have sent a request: nobody is asked for credentials here. A page of
 * another port of this machine is one from elsewhere, too.
 */
export function isForeign({ host = "", origin, "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  if (!isHere(host)) return true;
  if (origin !== undefined && origin.replace(/^https?:\/\//i, "") !== host) return true;
  return site !== undefined && site !== "none" && site !== "same-origin";
}

/** The same where no page is at home at all: no client of AWS sends these headers. */
export const isOfPage = (headers: IncomingHttpHeaders): boolean =>
  isForeign(headers) || headers.origin !== undefined || headers["sec-fetch-site"] !== undefined;
