import { join } from "node:path";
import { pythonPrograms } from "../../python-programs.ts";
import { end, spawnBound } from "../bound.ts";
import { answers, freePort } from "../emulator.ts";

export type Microburst = {
  readonly url: string;
  /** These faults from now on, instead of any before. */
  inject(rules: readonly object[]): Promise<void>;
  /** How often each rule has fired, in their order. */
  fired(): Promise<readonly number[]>;
  stop(): Promise<void>;
};

/** A proxy that fails calls as AWS does: throttles, errors, replies that get lost, latency. */
export async function startMicroburst(upstream: string): Promise<Microburst> {
  const port = await freePort();
  const args = ["--upstream", upstream, "--host", "127.0.0.1", "--port", String(port)];
  // An environment of its own: it brings another botocore.
  const programs = pythonPrograms({ name: "microburst", requirements: new URL("microburst.txt", import.meta.url) });
  const program = spawnBound(join(programs, "microburst"), args, process.env);
  const url = `http://127.0.0.1:${port}`;
  const rulesAt = `${url}/_microburst/rules`;
  await answers(rulesAt, program);
  return {
    url,
    inject: async (rules) => {
      const response = await fetch(rulesAt, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(rules),
      });
      if (!response.ok) throw new Error(`microburst refused its rules: ${await response.text()}`);
    },
    fired: async () => {
      const rules = (await (await fetch(rulesAt)).json()) as readonly { fired_count: number }[];
      return rules.map(({ fired_count }) => fired_count);
    },
    stop: () => end(program),
  };
}
