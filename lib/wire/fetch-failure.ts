/** What the codes of Node mean for a person who wants to reach an address. Other causes are shown as they are. */
const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection is refused (ECONNREFUSED)",
  ENOTFOUND: "there is no host of that name (ENOTFOUND)",
  EAI_AGAIN: "the host's name cannot be looked up now",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS; perhaps http:// is meant",
};

/**
 * Why a fetch failed. It hides the reason (refused, no such host, a certificate) in the cause of the error that it
 * throws.
 */
export function whyFetchFailed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.name === "TimeoutError" ? "no answer in time" : error.message;
  const code = "code" in cause ? String(cause.code) : "";
  // Of several addresses that were tried at once, each has its reason, and the whole may have none.
  const parts = cause instanceof AggregateError ? cause.errors.map(String).join("; ") : "";
  return MEANINGS[code] ?? (cause.message || parts || code);
}
