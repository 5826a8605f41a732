import { afterAll, expect, test } from "vitest";
import { createTable } from "../../dev/resources.ts";
import { dynamoRuns } from "../../lib/adapters/aws/runs.ts";
import { LOOPBACK, listeners, startDynalite } from "./engines.ts";
import { describePorts, dynamoPorts, signedByHand } from "./ports.ts";
import { describeRuns } from "./runs.ts";
import { queued } from "./samples.ts";

const before = listeners(process.pid);
const engine = await startDynalite();
afterAll(() => engine.stop());

test.skipIf(process.platform !== "linux")("dynalite and fauxqs listen on 127.0.0.1 and nowhere else", () => {
  const opened = listeners(engine.pid).filter((address) => !before.includes(address));
  expect(opened).toEqual([expect.stringMatching(LOOPBACK), expect.stringMatching(LOOPBACK)]);
});

test("a table takes requests as soon as it is created", async () => {
  const { client } = await engine.table();
  for (let n = 0; n < 60; n += 1) {
    const table = `created-${n}`;
    await createTable(client, table);
    expect(await dynamoRuns({ client, table }).create(queued("train"))).toBe("written");
  }
});

describePorts("dynalite", dynamoPorts(engine));
describeRuns("dynalite, signed by hand", signedByHand(engine).runs);
