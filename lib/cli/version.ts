import { readFileSync } from "node:fs";

/** The version of this package: in a clone package.json lies two folders up, beside dist/ one. */
export const ownVersion = (): string => {
  const file = new URL(import.meta.url.endsWith(".ts") ? "../../package.json" : "../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};
