import type * as z from "zod/mini";
import { type FieldError, type Problem, problem } from "./problems.ts";

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

/** Far deeper than any body of ours. JSON.parse accepts more, but code that walks the value afterwards may not. */
const DEPTH = 16;

/** More errors than a person reads at once. A body of 64 KiB may have thousands, and the owner pays for the answer. */
const MOST_ERRORS = 20;
/** The most letters of a field's name in an answer, which is more than any name of ours has. */
const NAME_LENGTH = 64;

/** The value of a body, or the problem that names each field that is wrong. An empty body counts as `{}`. */
export function read<T>(schema: z.ZodMiniType<T>, body: string): Read<T> {
  let parsed: unknown;
  try {
    parsed = body.trim() === "" ? {} : JSON.parse(body);
  } catch {
    return { ok: false, problem: problem("malformed", { detail: "the body is not JSON" }) };
  }
  const refused = refusal(parsed, 0);
  if (refused !== undefined) return { ok: false, problem: problem("malformed", { detail: refused }) };
  const result = schema.safeParse(parsed);
  if (result.success) return { ok: true, value: result.data };
  const errors = result.error.issues.flatMap(fieldErrors).slice(0, MOST_ERRORS);
  const name = result.error.issues.some((issue) => isShape(issue, parsed)) ? "malformed" : "invalid";
  return { ok: false, problem: problem(name, { detail: describe(errors), errors }) };
}

/** Whether a field is missing, unknown or of a wrong type. Otherwise a value is out of its bounds. */
function isShape({ code, path }: z.core.$ZodIssue, body: unknown): boolean {
  if (code === "invalid_type" || code === "unrecognized_keys") return true;
  const value = path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], body);
  return value === undefined;
}

/**
 * zod silently drops a `__proto__` key of a record, so it is looked for here. A value that is too deep is not walked.
 */
function refusal(value: unknown, depth: number): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > DEPTH) return `the body is nested more than ${DEPTH} deep`;
  if (Object.hasOwn(value, "__proto__")) return "the body has a field __proto__";
  for (const part of Object.values(value)) {
    const found = refusal(part, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fieldErrors(issue: z.core.$ZodIssue): readonly FieldError[] {
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys")
    return issue.keys.slice(0, MOST_ERRORS).map((key) => ({
      field: named(path === "" ? key : `${path}.${key}`),
      detail: "is not a known field",
    }));
  return [{ field: path === "" ? "body" : named(path), detail: sentenceOf(issue) }];
}

/** What JSON calls the types, by the names of zod. */
const TYPES: Readonly<Record<string, string>> = {
  int: "a whole number",
  object: "an object",
  record: "an object",
  array: "a list",
  string: "a text",
};

/**
 * What is wrong with the field, in words for people. Our own checks bring their sentence. Those of the library have
 * none here, because its languages take 3 kB of each Lambda.
 */
function sentenceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "too_small":
      return issue.origin === "string" ? "must not be empty" : `must be at least ${issue.minimum}`;
    case "too_big":
      return issue.origin === "string"
        ? `must have at most ${issue.maximum} letters`
        : `must be at most ${issue.maximum}`;
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`;
    case "invalid_type":
      return `must be ${TYPES[issue.expected] ?? `a ${issue.expected}`}`;
    case "invalid_key":
      return "has a key that is not 1 to 128 letters, digits, . _ / and -";
    default:
      return issue.message; // ours: each pattern and each check says what is wrong
  }
}

const named = (field: string): string => (field.length > NAME_LENGTH ? `${field.slice(0, NAME_LENGTH)}...` : field);

const describe = (errors: readonly FieldError[]): string =>
  errors.map(({ field, detail }) => `${field}: ${detail}`).join("; ");
