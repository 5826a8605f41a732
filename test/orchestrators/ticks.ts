import { existsSync, readFileSync } from "node:fs";

/** One line of the log that a flow writes while it works. */
export type Tick = { readonly fence: string; readonly engine: number; readonly agent: number; readonly at: number };

export function ticksOf(log: string): readonly Tick[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter((parts) => parts.length === 4)
    .map(([fence = "", engine, agent, at]) => ({
      fence,
      engine: Number(engine),
      agent: Number(agent),
      at: Number(at),
    }));
}

/** The first line of an attempt after `before` others. */
export async function tickOf(log: string, before: number): Promise<Tick> {
  for (;;) {
    const fences = [...new Set(ticksOf(log).map(({ fence }) => fence))];
    const found = ticksOf(log).find(({ fence }) => fence === fences[before]);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Whether two engines have ever worked on one run at once: no line of an older one comes after one of a newer one. */
export function isOneAtATime(log: string): boolean {
  const ticks = [...ticksOf(log)].sort((a, b) => a.at - b.at);
  return ticks.every(({ fence }, index) => index === 0 || fence >= (ticks[index - 1] as Tick).fence);
}
