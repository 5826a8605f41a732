import type { Signer } from "../stack/sign.ts";
import type { OurStack } from "../stack/stack.ts";
import { printable } from "../wire/printable.ts";
import { type Api, api } from "./api.ts";
import { UsageError } from "./errors.ts";
import { type Flags, textFlag } from "./flags.ts";
import { warnOfPlain } from "./plain.ts";

/** The default address of the embedded server. */
export const HERE = "http://127.0.0.1:8787";

/** What the user said about the place of the API. A named stack is looked up later. */
export type Place = { readonly url: string | undefined; readonly stack: string | undefined };

type Environment = Readonly<Record<string, string | undefined>>;

const said = (value: string | undefined): string | undefined => (value?.trim() === "" ? undefined : value?.trim());

function flagOf(flags: Flags, name: string): string | undefined {
  const value = textFlag(flags, name);
  if (value?.trim() === "") throw new UsageError(`--${name} takes a value`);
  return said(value);
}

/**
 * In this order: --url, --stack, LASTBEAT_URL, LASTBEAT_STACK. With both flags, the URL is the front door of the stack.
 */
export function placeOf(flags: Flags, environment: Environment): Place {
  const [url, stack] = [flagOf(flags, "url"), flagOf(flags, "stack")];
  if (url !== undefined || stack !== undefined) return { url, stack };
  const known = said(environment["LASTBEAT_URL"]);
  return known === undefined
    ? { url: undefined, stack: said(environment["LASTBEAT_STACK"]) }
    : { url: known, stack: undefined };
}

/** The stack of a command that needs one, and the address to use instead of the stack's own. */
export function stackOf(name: string, flags: Flags, environment: Environment): Place & { readonly stack: string } {
  const stack = flagOf(flags, "stack") ?? said(environment["LASTBEAT_STACK"]);
  if (stack === undefined)
    throw new UsageError(`lastbeat ${name} needs a stack: name it with --stack, or in LASTBEAT_STACK`);
  return { url: flagOf(flags, "url"), stack };
}

/** The front doors of an agent. It asks no stack, because it has no permission to. */
export const urlsOf = (flags: Flags, environment: Environment): string =>
  textFlag(flags, "url") ?? environment["LASTBEAT_URL"] ?? HERE;

const isLoopback = (url: string): boolean =>
  URL.canParse(url) && /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);

/** Whether owner calls are signed: always, except on this machine, where the embedded server needs no signature. */
export function isSigned(url: string, isStackNamed: boolean, mode: string | undefined): boolean {
  switch (said(mode) ?? "auto") {
    case "auto":
      return isStackNamed || !isLoopback(url);
    case "always":
      return true;
    case "never":
      return false;
    default:
      throw new UsageError(`LASTBEAT_SIGN must be auto, always or never, not "${mode}"`);
  }
}

/** An API that is ready for calls, and the stack that it belongs to, if one was named. */
export type Reached = { readonly api: Api; readonly stack: OurStack | undefined };

async function signerIn(region: string | undefined): Promise<Signer> {
  const { signer } = await import("../stack/sign.ts");
  return signer(region === undefined ? {} : { region });
}

/** LASTBEAT_URL may have several front doors for an agent; the command line uses the first. */
const firstOf = (urls: string): string => urls.split(",")[0]?.trim() ?? urls;

/** The API at a URL. Its calls are signed if they have to be. */
export async function apiAt(
  urls: string,
  stack: { readonly region: string | undefined } | undefined,
  environment: Environment,
  until?: AbortSignal,
): Promise<Api> {
  const url = firstOf(urls);
  const mode = environment["LASTBEAT_SIGN"];
  // An invalid address is refused before any AWS code is loaded.
  const unsigned = api(url, { ...(until !== undefined && { until }) });
  if (!isSigned(url, stack !== undefined, mode)) return unsigned;
  warnOfPlain([url], environment, (line) => console.error(`lastbeat: ${printable(line)}`));
  return api(url, { ...(until !== undefined && { until }), signer: await signerIn(stack?.region) });
}

/** Finds the API. Throws an error with one sentence if the named stack cannot be found. */
export async function reach(
  { url, stack: name }: Place,
  environment: Environment,
  until?: AbortSignal,
): Promise<Reached> {
  const stack = name === undefined ? undefined : await (await import("../stack/stack.ts")).findStack(name, {});
  return { stack, api: await apiAt(url ?? stack?.url ?? HERE, stack, environment, until) };
}

/** The deployment of a command, and its API. */
export async function deployment(name: string, flags: Flags): Promise<{ stack: OurStack; api: () => Promise<Api> }> {
  const place = stackOf(name, flags, process.env);
  const stack = await (await import("../stack/stack.ts")).findStack(place.stack, {});
  return { stack, api: () => apiAt(place.url ?? stack.url, stack, process.env) };
}
