import { readFileSync } from "node:fs";

/** The version of this package. package.json is one folder up, in a clone and in dist/. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
).version;
