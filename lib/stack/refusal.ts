/** Something of AWS that was understood and failed: one sentence that says what to do. */
export class AccountError extends Error {}

/** The names that the services give to a missing permission; each has its own. */
const DENIED: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AuthorizationError",
  "AuthorizationErrorException",
  "UnauthorizedOperation",
]);

/** The names for credentials that are out of date, unknown or garbled. */
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

/** How Node and the SDK call it when nobody answers. */
const SILENT = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|CERT_|TimeoutError)/;

/** What the SDK says where no region is set, or one that is empty, as in many a CI. */
const NO_REGION = /^Region (is missing|not accepted: region="")/;

type Thrown = { readonly name: string; readonly message: string; readonly code: string };

function thrownOf(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: "", message: String(error), code: "" };
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return { name: error.name, message: error.message, code };
}

/** Whether the error is called so by the service. */
export const isNamed = (error: unknown, name: RegExp): boolean => name.test(thrownOf(error).name);

/** Whether the credential chain of the SDK found nothing that it could use. */
export const isWithoutCredentials = (error: unknown): boolean => thrownOf(error).name === "CredentialsProviderError";

/**
 * The action that somebody was not allowed to do, as AWS names it, else `needs`, what the call is known to need; undefined
 * when the error is another one.
 */
export function deniedAction(error: unknown, needs: string): string | undefined {
  const { name, message } = thrownOf(error);
  const [, named] = /not authorized to perform:? ([\w-]+:\w+)/.exec(message) ?? [];
  return DENIED.has(name) || named !== undefined ? (named ?? needs) : undefined;
}

/** Why the chain found no credentials: what it says last, without the advice of its several lines. */
export const whyNoCredentials = (error: unknown): string =>
  (thrownOf(error).message.split("\n")[0] ?? "").replace(/[.\s]+$/, "");

/** What an AWS call failed of, in one sentence that says what to do; `needs` is the action that the call needs. */
export function sentenceOf(error: unknown, needs: string): string {
  if (error instanceof AccountError) return error.message;
  const { name, message, code } = thrownOf(error);
  if (NO_REGION.test(message))
    return "there is no AWS region: set AWS_REGION, or a region in the profile that AWS_PROFILE names";
  if (isWithoutCredentials(error))
    return `there are no AWS credentials (${whyNoCredentials(error)}): set AWS_PROFILE, or sign in`;
  const action = deniedAction(error, needs);
  if (action !== undefined) return `AWS does not allow it: these credentials need ${action}`;
  if (NOT_TAKEN.has(name)) return `AWS does not take these credentials: ${message}`;
  if (SILENT.test(code) || SILENT.test(name)) return `AWS does not answer: ${message || code}`;
  return `AWS refuses: ${message || name}`;
}

/** What `call` comes to; a failure becomes an AccountError with its sentence. */
export async function asking<T>(needs: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new AccountError(sentenceOf(error, needs));
  }
}
