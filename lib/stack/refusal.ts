/** A call to AWS that failed for a known reason. The message is one sentence that says what to do. */
export class AccountError extends Error {}

/** The error names for a missing permission; each service has its own. */
const DENIED: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AuthorizationError",
  "AuthorizationErrorException",
  "UnauthorizedOperation",
]);

/** The error names for credentials that are expired, unknown or malformed. */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  "AuthFailure",
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignature",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "RequestExpired",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

/** The error codes and names of Node and the SDK for no answer. */
const SILENT = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|CERT_|TimeoutError)/;

/** What the SDK says if the region is not set, or is empty, as in many CI systems. */
const NO_REGION = /^Region (is missing|not accepted: region="")/;

type Thrown = { readonly name: string; readonly message: string; readonly code: string };

function thrownOf(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: "", message: String(error), code: "" };
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return { name: error.name, message: error.message, code };
}

/** Whether the service gives the error this name. */
export const isNamed = (error: unknown, name: RegExp): boolean => name.test(thrownOf(error).name);

/** Whether the credential chain of the SDK found no credentials. */
export const isWithoutCredentials = (error: unknown): boolean => thrownOf(error).name === "CredentialsProviderError";

/**
 * The action that was not allowed: the one that AWS names, else `needs`, which the call is known to need. Undefined for
 * any other error.
 */
export function deniedAction(error: unknown, needs: string): string | undefined {
  const { name, message } = thrownOf(error);
  const [, named] = /not authorized to perform:? ([\w-]+:\w+)/.exec(message) ?? [];
  return DENIED.has(name) || named !== undefined ? (named ?? needs) : undefined;
}

/** Why the chain found no credentials: its first line, without the advice in the next lines. */
export const whyNoCredentials = (error: unknown): string =>
  (thrownOf(error).message.split("\n")[0] ?? "").replace(/[.\s]+$/, "");

/** Why an AWS call failed, in one sentence that says what to do. `needs`: the action that the call needs. */
export function sentenceOf(error: unknown, needs: string): string {
  if (error instanceof AccountError) return error.message;
  const { name, message, code } = thrownOf(error);
  if (NO_REGION.test(message))
    return "no AWS region is set: set AWS_REGION, or a region in the profile that AWS_PROFILE names";
  if (isWithoutCredentials(error))
    return `no AWS credentials were found (${whyNoCredentials(error)}): set AWS_PROFILE, or sign in`;
  const action = deniedAction(error, needs);
  if (action !== undefined) return `AWS does not allow this: these credentials need ${action}`;
  if (NOT_TAKEN.has(name)) return `AWS does not accept these credentials: ${message}`;
  if (SILENT.test(code) || SILENT.test(name)) return `AWS does not answer: ${message || code}`;
  return `AWS refused the call: ${message || name}`;
}

/** The result of `call`. A failure becomes an AccountError with a sentence. */
export async function asking<T>(needs: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new AccountError(sentenceOf(error, needs));
  }
}
