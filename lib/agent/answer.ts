import { type ProblemName, problemName } from "../wire/problems.ts";

/**
 * What a request came to. Only one of our own problems says anything about the attempt: a broken gateway answers 403 to
 * everybody, and a child must not die of that.
 */
export type Answer<T> =
  | { readonly kind: "ok"; readonly body: T }
  | { readonly kind: "problem"; readonly name: ProblemName; readonly detail: string }
  | { readonly kind: "unclear"; readonly detail: string };

/** The meaning of a response. What is neither a success of ours nor a problem of ours is unclear. */
export function interpret<T>(status: number, body: unknown, isExpected: (body: object) => boolean): Answer<T> {
  const name = problemName(body);
  if (name === "internal" || name === "contended") return { kind: "unclear", detail: `the server answered ${name}` };
  if (name !== undefined) return { kind: "problem", name, detail: detailOf(body) };
  if (status === 200 && typeof body === "object" && body !== null && isExpected(body))
    return { kind: "ok", body: body as T };
  return { kind: "unclear", detail: `status ${status} with a body that is not ours` };
}

const detailOf = (body: unknown): string =>
  typeof body === "object" && body !== null && "detail" in body ? String(body.detail) : "";
