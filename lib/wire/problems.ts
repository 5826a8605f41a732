/** The problems that Lastbeat answers with, by name: HTTP status and title (RFC 9457). */
export const PROBLEMS = {
  malformed: { status: 400, title: "The request cannot be read" },
  invalid: { status: 422, title: "The request contradicts itself or a bound" },
  unauthorized: { status: 401, title: "The credential is missing or not ours" },
  "wrong-run": { status: 403, title: "The credential is for another run" },
  "foreign-origin": { status: 403, title: "The request comes from a foreign host or page" },
  "not-found": { status: 404, title: "There is no such thing" },
  "method-not-allowed": { status: 405, title: "The method is not allowed here" },
  "run-exists": { status: 409, title: "The run id is taken by another spec" },
  superseded: { status: 409, title: "The attempt is over" },
  "held-by-another": { status: 409, title: "Another holder has claimed the attempt" },
  "finished-otherwise": { status: 409, title: "The attempt has reported another end" },
  canceling: { status: 409, title: "The run is being canceled" },
  ended: { status: 410, title: "The run has ended" },
  overran: { status: 410, title: "The deadline has passed" },
  "too-large": { status: 413, title: "The body is too large" },
  hold: { status: 425, title: "The attempt may not start yet" },
  internal: { status: 500, title: "Lastbeat failed" },
  contended: { status: 503, title: "The run keeps changing" },
} as const;

export type ProblemName = keyof typeof PROBLEMS;

/** One field that is wrong, and how. */
export type FieldError = { readonly field: string; readonly detail: string };

export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly attempt?: number;
  readonly fence?: number;
};

const PREFIX = "urn:lastbeat:problem:";

/** The problem document. `status` may differ from the usual one where that serves a caller better. */
export const problem = (name: ProblemName, more: Omit<Partial<Problem>, "type" | "title"> = {}): Problem => ({
  type: `${PREFIX}${name}`,
  title: PROBLEMS[name].title,
  status: PROBLEMS[name].status,
  ...more,
});

/** The name of one of our problems; undefined for the answer of a gateway or of another server. */
export function problemName(body: unknown): ProblemName | undefined {
  if (typeof body !== "object" || body === null || !("type" in body) || typeof body.type !== "string") return undefined;
  if (!body.type.startsWith(PREFIX)) return undefined;
  const name = body.type.slice(PREFIX.length);
  return Object.hasOwn(PROBLEMS, name) ? (name as ProblemName) : undefined;
}
