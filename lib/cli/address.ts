import { isAddress } from "../wire/base.ts";
import { UsageError } from "./errors.ts";

/** Refuses what is not an http or https address. */
export function requireAddress(url: string): void {
  if (isAddress(url)) return;
  const host = url.replace(/^.*:\/\//, "");
  throw new UsageError(`"${url}" is not an address: write http:// or https:// before it, as in https://${host}`);
}
