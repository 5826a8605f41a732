import { readFileSync } from "node:fs";

/** The version of this package: package.json is two folders up in a clone, and one folder up from dist/. */
export const ownVersion = (): string => {
  const file = new URL(import.meta.url.endsWith(".ts") ? "../../package.json" : "../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};
