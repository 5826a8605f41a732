import type { Evidence } from "../core/evidence.ts";
import type { Run } from "../core/run.ts";
import type { App } from "./app.ts";

/** What only a runner's own attempt is concerned by. */
export const attemptName = ({ run, fence }: Pick<Run, "run" | "fence">): string => `${run}.${fence}`;

/** What is known about the host of an attempt, without what other runners there have said of themselves. */
export async function known(
  app: App,
  host: string | undefined,
  attempt: Pick<Run, "run" | "fence">,
): Promise<readonly Evidence[]> {
  if (host === undefined) return [];
  const name = attemptName(attempt);
  return (await app.hosts.evidence(host)).filter(({ only }) => only === undefined || only === name);
}
