import { afterAll, expect, test } from "vitest";
import { dynamoDbLocalEngine, LOOPBACK, listeners } from "./engines.ts";
import { describePorts, dynamoPorts, signedByHand } from "./ports.ts";
import { describeRuns } from "./runs.ts";

const engine = await dynamoDbLocalEngine();

if ("missing" in engine) {
  console.warn(`skipped: DynamoDB Local, because ${engine.missing}`);
  test.skip(`DynamoDB Local: ${engine.missing}`);
} else {
  afterAll(() => engine.stop());

  test.skipIf(process.platform !== "linux")("DynamoDB Local listens on 127.0.0.1 and nowhere else", () => {
    expect(listeners(engine.pid)).toEqual([expect.stringMatching(LOOPBACK)]);
  });

  describePorts("DynamoDB Local", dynamoPorts(engine));
  describeRuns("DynamoDB Local, signed by hand", signedByHand(engine).runs);
}
