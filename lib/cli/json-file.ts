import { readFileSync } from "node:fs";
import { UsageError } from "./errors.ts";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The JSON object in a file; `-` is stdin. `what` names it in a complaint. Throws a `UsageError` if there is none. */
export function readJsonFile(file: string, what: string): Fields {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UsageError(`${what} cannot be read: ${file} ${isMissing ? "is not there" : "cannot be read"}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${file} is not JSON`);
  }
  if (!isFields(value)) throw new UsageError(`${file} does not contain a JSON object`);
  return value;
}
