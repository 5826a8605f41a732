import { afterEach, describe, expect, test } from "vitest";
import { type Api, Refused } from "../../lib/cli/api.ts";
import { drill } from "../../lib/cli/commands/drill.ts";
import { putDrill } from "../../lib/stack/drill.ts";
import { findStack } from "../../lib/stack/stack.ts";
import { ACCOUNT, type Answers, denied, described, outputsAt, REGION, type StubAws, stubAws } from "../stack/aws.ts";

let aws: StubAws | undefined;
afterEach(() => aws?.stop());

const HOST = "i-0123456789abcdef0";
const PLAYED = {
  type: "EC2 Spot Instance Interruption Warning",
  host: HOST,
  detail: { "instance-action": "terminate" },
};

async function played(answer: Answers[string]): Promise<string> {
  aws = await stubAws({ DescribeStacks: described(outputsAt("https://door")), PutEvents: answer });
  return putDrill(await findStack("prod", aws.settings), PLAYED, aws.settings);
}

describe("a drill on a stack", () => {
  test("puts one event on the default bus, from the source of drills, about the instance", async () => {
    expect(await played({ FailedEntryCount: 0, Entries: [{ EventId: "event-1" }] })).toBe("event-1");
    expect(aws?.asked.at(-1)?.input).toEqual({
      Entries: [
        {
          Source: "lastbeat.drill",
          DetailType: "EC2 Spot Instance Interruption Warning",
          Detail: `{"instance-id":"${HOST}","instance-action":"terminate"}`,
          Resources: [`arn:aws:ec2:${REGION}:${ACCOUNT}:instance/${HOST}`],
        },
      ],
    });
  });

  test("has failed when the entry has, although the answer is a success", async () => {
    const entries = [{ ErrorCode: "InternalFailure", ErrorMessage: "try later" }];
    await expect(played({ FailedEntryCount: 1, Entries: entries })).rejects.toThrow(
      "EventBridge did not accept the event: try later",
    );
  });

  test.each([
    [
      "its code, when that is all there is",
      { FailedEntryCount: 1, Entries: [{ ErrorCode: "InternalFailure" }] },
      "InternalFailure",
    ],
    ["that there is no reason, when none is given", { FailedEntryCount: 1, Entries: [{}] }, "no reason given"],
    ["the same of an answer without entries", {}, "no reason given"],
  ])("that failed says %s", async (_, answer, why) => {
    await expect(played(answer)).rejects.toThrow(`EventBridge did not accept the event: ${why}`);
  });

  test("that is not allowed says what it needs", async () => {
    await expect(played(denied("events:PutEvents"))).rejects.toThrow("these credentials need events:PutEvents");
  });
});

test("a drill without a stack, and not on the embedded server, gives the command to do it with, and fails", async () => {
  const calls: string[] = [];
  const api: Api = {
    base: "https://door",
    call: async <T>(method: string, path: string): Promise<T> => {
      calls.push(`${method} ${path.split("?")[0]}`);
      if (path === "/dev/events") throw new Refused("no such path", 404, undefined);
      return { runs: [] } as T;
    },
  };
  const answer = await drill.ask(api, ["spot", HOST], {});
  expect(answer.code).toBe(1);
  expect(answer.text).toContain("aws events put-events");
  expect(calls).toEqual(["GET /v1/runs", "POST /dev/events"]);
});
