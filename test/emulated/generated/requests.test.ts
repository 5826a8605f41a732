import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dev, startDev } from "../../../dev/dev.ts";
import { pythonPrograms } from "../../python-programs.ts";
import { run } from "../program.ts";

/**
 * Requests that nobody here wrote: Schemathesis makes them from /openapi.json, good ones and bad ones, and asks whether what comes
 * back is what the document says.
 */
let dev: Dev;
beforeAll(async () => {
  dev = await startDev({ port: 0, sweepSeconds: 60, log: { write: () => {} } });
});
afterAll(async () => {
  await dev.stop();
  rmSync(folder, { recursive: true });
});

/** Every run in a path is the one that the token is for. */
const folder = mkdtempSync(join(tmpdir(), "lastbeat-generated-"));
const config = join(folder, "schemathesis.toml");
writeFileSync(config, '[parameters]\nrun = "generated"\n');
/** A target may name a cluster or a webhook that this deployment does not have; the document cannot know that. */
const unknownTargets = join(folder, "unknown-targets.toml");
writeFileSync(
  unknownTargets,
  `[[operations]]
include-name = "PUT /v1/runs/{run}"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429]
`,
);

const schemathesis = (before: readonly string[] = [], after: readonly string[] = []): Promise<string> => {
  const programs = pythonPrograms({
    name: "schemathesis",
    requirements: new URL("requirements.txt", import.meta.url),
  });
  const args = ["--checks", "all", "--max-examples", "50", "--seed", "1", "--continue-on-failure", "--no-color"];
  return run(join(programs, "schemathesis"), [...before, "run", `${dev.info.api}/openapi.json`, ...args, ...after]);
};

/** How many it has tried. It ends with another exit code than 0, which rejects, when one was answered otherwise than the document says. */
const tried = (said: string): number => Number(/(\d+) generated/.exec(said)?.[1]);

test("as anybody may send them are answered as the document says", async () => {
  const said = await schemathesis(["--config-file", unknownTargets]);
  console.log(`${tried(said)} requests`);
  expect(tried(said)).toBeGreaterThan(1000);
});

test("with the token of a run are answered as the document says", async () => {
  const send = async (method: string, path: string, body: object, credential?: unknown) => {
    const headers = { ...(credential !== undefined && { authorization: `Bearer ${credential}` }) };
    const answer = await fetch(`${dev.info.api}/v1/runs/generated${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    return (await answer.json()) as Readonly<Record<string, unknown>>;
  };
  const { ticket } = await send("PUT", "", { leaseSeconds: 3600 });
  const { token } = await send("POST", "/claim", { holder: { id: "a".repeat(32) } }, ticket);
  // A finish ends the run, and a ticket opens it once: what comes after is refused, as it has to be.
  const only = ["--include-path-regex", "/(beat|notice)$", "-H", `Authorization: Bearer ${token}`];
  const said = await schemathesis(["--config-file", config], [...only, "--phases", "examples,coverage,fuzzing"]);
  console.log(`${tried(said)} requests`);
  expect(tried(said)).toBeGreaterThan(100);
});
