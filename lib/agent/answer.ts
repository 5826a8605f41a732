import { milliseconds, type Span, seconds } from "../core/time.ts";
import { type ProblemName, problemName } from "../wire/problems.ts";

/**
 * The result of a request. Only one of our own problems says anything about the attempt. A broken gateway answers 403
 * to everybody, and no child must die of that.
 */
export type Answer<T> =
  | { readonly kind: "ok"; readonly body: T }
  | { readonly kind: "problem"; readonly name: ProblemName; readonly detail: string; readonly retryAfter?: Span }
  | { readonly kind: "unclear"; readonly detail: string; readonly retryAfter?: Span };

/** No server sends an agent away for longer than this: it is a tenth of the usual start window. */
const LONGEST_RETRY_AFTER: Span = seconds(90);

/** What a Retry-After header asks for, in whole seconds; dates are not read, because nobody here sends them. */
function retryAfterOf(header: string | null): { readonly retryAfter?: Span } {
  if (header === null || !/^\d{1,9}$/.test(header.trim())) return {};
  return { retryAfter: milliseconds(Math.min(LONGEST_RETRY_AFTER, seconds(Number(header)))) };
}

/** The meaning of a response. What is neither a success of ours nor a problem of ours is unclear. */
export function interpret<T>(
  status: number,
  body: unknown,
  isExpected: (body: object) => boolean,
  header: string | null = null,
): Answer<T> {
  const name = problemName(body);
  const after = retryAfterOf(header);
  if (name === "internal" || name === "contended")
    return { kind: "unclear", detail: `the server answered ${name}`, ...after };
  if (name !== undefined) return { kind: "problem", name, detail: detailOf(body), ...after };
  if (status === 200 && typeof body === "object" && body !== null && isExpected(body))
    return { kind: "ok", body: body as T };
  return { kind: "unclear", detail: `status ${status} with a body that is not ours`, ...after };
}

const detailOf = (body: unknown): string =>
  typeof body === "object" && body !== null && "detail" in body ? String(body.detail) : "";

/** Problems of the way to the service. A better deploy may repair it. */
const OF_THE_WAY: readonly ProblemName[] = [
  "unauthorized",
  "wrong-run",
  "not-found",
  "foreign-origin",
  "method-not-allowed",
];

/** What does not change when the same is asked again. Until then a report is repeated, and stays on disk. */
export const isDefinite = <T>(answer: Answer<T>): answer is Exclude<Answer<T>, { kind: "unclear" }> =>
  answer.kind === "ok" || (answer.kind === "problem" && !OF_THE_WAY.includes(answer.name));
