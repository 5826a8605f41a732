import type { FreezeView } from "../wire/freeze.ts";
import type { Api } from "./api.ts";
import type { Listed, Page } from "./table.ts";

/** The most runs that one answer of the API has. */
export const PAGE = 500;
/** Twenty pages. For more runs read page by page, with --json and --cursor. */
export const MOST_RUNS = 10_000;

export const pageOf = (api: Api, state: "live" | "ended", limit: number, cursor: string | undefined): Promise<Page> =>
  api.call<Page>(
    "GET",
    `/v1/runs?${new URLSearchParams({ state, limit: String(limit), ...(cursor !== undefined && { cursor }) })}`,
  );

/** The live or the ended runs, at most `wanted`; a cursor if there may be more. */
export async function listed(api: Api, state: "live" | "ended", wanted: number, from?: string): Promise<Page> {
  const found: Listed[] = [];
  let cursor = from;
  let freeze: FreezeView | undefined;
  do {
    const page = await pageOf(api, state, Math.min(PAGE, wanted - found.length), cursor);
    found.push(...page.runs);
    cursor = page.cursor;
    freeze = page.freeze;
  } while (cursor !== undefined && found.length < wanted);
  // The API lists live runs shard by shard, an order that means nothing to people.
  if (state === "live") found.sort((one, other) => (one.run < other.run ? -1 : 1));
  return { runs: found, ...(cursor !== undefined && { cursor }), ...(freeze !== undefined && { freeze }) };
}

/** The live runs, at most `wanted`. */
export const liveRuns = (api: Api, wanted: number): Promise<Page> => listed(api, "live", wanted);
