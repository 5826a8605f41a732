import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { COMMANDS, USAGE } from "../../lib/cli/commands.ts";
import { findingsText } from "../../lib/cli/findings-text.ts";
import type { FreezeView } from "../../lib/wire/freeze.ts";
import { recordView } from "../../lib/wire/run-view.ts";
import { queued, registered } from "../core/runs.ts";
import { lastbeat } from "../e2e/processes.ts";
import {
  type Answers,
  CREDENTIALS,
  described,
  isSigned,
  outputsAt,
  REGION,
  Refusal,
  type Said,
  type StubAws,
  type StubDoor,
  stubAws,
  stubDoor,
  unknownStack,
} from "../stack/aws.ts";

/** Nothing of the machine that tests run on, and nowhere to ask for more. */
const ALONE = {
  LASTBEAT_URL: "",
  LASTBEAT_STACK: "",
  LASTBEAT_SIGN: "",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_ACCESS_KEY_ID: "",
  AWS_SECRET_ACCESS_KEY: "",
  AWS_SESSION_TOKEN: "",
  AWS_PROFILE: "",
  AWS_REGION: REGION,
};
const SIGNED_IN = {
  ...ALONE,
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  AWS_SESSION_TOKEN: CREDENTIALS.sessionToken,
};

let aws: StubAws;
let door: StubDoor;
let live: readonly object[];
let freeze: FreezeView | undefined;
let outputs: Readonly<Record<string, string>>;
const MOVED: string[] = [];

const ANSWERS: Answers = {
  DescribeStacks: (_, before) => (before === 0 ? described(outputs) : unknownStack),
  DeleteStack: {},
  ListStackResources: new Refusal("AccessDenied"),
  GetQueueAttributes: ({ QueueUrl }) => ({
    Attributes: { QueueArn: String(QueueUrl), ApproximateNumberOfMessages: "2" },
  }),
  StartMessageMoveTask: ({ SourceArn }) => {
    MOVED.push(String(SourceArn));
    return { TaskHandle: "task" };
  },
  PutEvents: { FailedEntryCount: 0, Entries: [{ EventId: "event-1" }] },
};

/** Of a run that nobody has claimed yet. */
const RECORD = recordView(registered(), queued(), []);

/** What the front door of the stack answers to the owner; nobody else is let in. */
async function answerOwner(request: Parameters<typeof isSigned>[0]): Promise<Said> {
  if (request.target === "/healthz") return { status: 200, body: { ok: true } };
  if (!(await isSigned(request))) return { status: 403, body: { message: "Forbidden" } };
  const isRecord = request.target.startsWith("/v1/runs/");
  return { status: 200, body: { ...(isRecord ? RECORD : { runs: live }), ...(freeze !== undefined && { freeze }) } };
}

beforeEach(async () => {
  live = [];
  freeze = undefined;
  MOVED.length = 0;
  aws = await stubAws(ANSWERS);
  door = await stubDoor(answerOwner);
  outputs = { ...outputsAt(aws.url), Url: door.url };
});
afterEach(async () => {
  await aws.stop();
  await door.stop();
});

async function said(args: readonly string[], environment: Record<string, string> = SIGNED_IN) {
  const program = lastbeat(args, { ...environment, AWS_ENDPOINT_URL: aws.url });
  const code = await program.left;
  return { code, text: program.lines.join("\n"), errors: program.errors.join("\n") };
}

const run = (name: string) => ({ run: name, state: "running", attempt: 1, host: "i-0123456789abcdef0" });
const asked = (operation: string) => aws.asked.filter((each) => each.operation === operation);

describe("the command line", () => {
  test("asks the front door of a stack, signed, on this machine too", async () => {
    live = [run("etl-1")];
    const { code, text } = await said(["runs", "--stack", "prod"]);
    expect(code).toBe(0);
    expect(text).toContain("etl-1");
    expect((await said(["runs"], { ...SIGNED_IN, LASTBEAT_URL: door.url, LASTBEAT_SIGN: "always" })).code).toBe(0);
  });

  describe("while verdicts by the clock are frozen", () => {
    const AT_DOOR = () => ({ ...SIGNED_IN, LASTBEAT_URL: door.url, LASTBEAT_SIGN: "always" });
    const SILENCE = { since: "2026-11-22T12:01:00.000Z", until: "2026-11-22T12:16:00.000Z", why: "silence" } as const;
    const SENTENCE =
      "frozen since 12:01:00 UTC: too few of the expected hosts are heard. The first verdicts by the clock wait until 12:16:00 UTC at the latest.";

    test("says so above the list of live runs, and not when they are not", async () => {
      live = [run("etl-1")];
      expect((await said(["runs"], AT_DOOR())).text).not.toContain("frozen");
      freeze = SILENCE;
      const { code, text } = await said(["runs"], AT_DOOR());
      expect(code).toBe(0);
      const [above = "", below] = text.split(/^(?=RUN )/m);
      expect(above.trim().replaceAll(/\s+/g, " ")).toBe(SENTENCE);
      expect(below).toContain("etl-1");
      expect(JSON.parse((await said(["runs", "--json"], AT_DOOR())).text)).toMatchObject({ freeze: SILENCE });
    });

    test("keeps that list within 80 columns", async () => {
      live = [run("etl-1")];
      freeze = SILENCE;
      const { text } = await said(["runs"], AT_DOOR());
      expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
    });

    test("says so on the record of a run, within 80 columns", async () => {
      freeze = { ...SILENCE, why: "canary" };
      const { code, text } = await said(["show", "etl-1"], AT_DOOR());
      expect(code).toBe(0);
      expect(text.split("\n").slice(1, 4)).toEqual([
        "frozen since 12:01:00 UTC: the canary cannot reach the front door. A verdict by",
        "the clock on this run waits until 12:16:00 UTC at the latest.",
        "registered 2026-11-22 12:00:00 UTC, lease 120 s",
      ]);
    });

    test("says so to who watches", async () => {
      freeze = SILENCE;
      const watching = lastbeat(["watch", "--interval", "0.1"], { ...AT_DOOR(), AWS_ENDPOINT_URL: aws.url });
      await watching.line(/UTC at the latest\.$/);
      watching.child.kill("SIGINT");
      expect(await watching.left).toBe(0);
      expect(watching.lines.join(" ").replaceAll(/\s+/g, " ")).toContain(SENTENCE);
    });
  });

  test("asks a URL on this machine unsigned, and no AWS", async () => {
    const { code, errors } = await said(["runs", "--url", door.url], { ...SIGNED_IN, LASTBEAT_STACK: "prod" });
    expect(code).toBe(1);
    expect(errors).toContain("answered 403");
    expect(door.received[0]?.headers.authorization).toBeUndefined();
    expect(aws.asked).toEqual([]);
  });

  test("says in one sentence that there are no credentials", async () => {
    expect(await said(["runs", "--stack", "prod"], ALONE)).toEqual({
      code: 1,
      text: "",
      errors:
        "lastbeat: no AWS credentials were found (Could not load credentials from any providers): set AWS_PROFILE, or sign in",
    });
    const { errors } = await said(["runs", "--url", door.url], { ...ALONE, LASTBEAT_SIGN: "always" });
    expect(errors).toContain("there were no AWS credentials to sign the call with");
  });

  test("says in one sentence that there is no region", async () => {
    const { errors } = await said(["runs", "--stack", "prod"], { ...SIGNED_IN, AWS_REGION: "" });
    expect(errors).toBe(
      "lastbeat: no AWS region is set: set AWS_REGION, or a region in the profile that AWS_PROFILE names",
    );
  });

  test("watches the runs of a stack, which it looks up once", async () => {
    live = [run("etl-1")];
    const watching = lastbeat(["watch", "--interval", "0.1"], {
      ...SIGNED_IN,
      LASTBEAT_STACK: "prod",
      AWS_ENDPOINT_URL: aws.url,
    });
    await watching.line(/no answer|etl-1/);
    watching.child.kill("SIGINT");
    expect(await watching.left).toBe(0);
    expect(watching.lines.join("\n")).toContain("etl-1");
    expect(asked("DescribeStacks")).toHaveLength(1);
  });

  test("puts the drill of a stack on its bus, and asks the front door for nothing but who is there", async () => {
    live = [run("etl-1")];
    const { code, text } = await said(["drill", "spot", "i-0123456789abcdef0", "--stack", "prod"]);
    expect(code).toBe(0);
    expect(text).toContain("on it: etl-1");
    expect(asked("PutEvents")).toHaveLength(1);
    expect(door.received.map(({ method }) => method)).toEqual(["GET"]);
  });

  test("tells how many dead letters are on the way back", async () => {
    const { code, text } = await said(["redrive", "notice", "--stack", "prod"]);
    expect([code, text]).toEqual([0, "about 2 messages are being moved back into the notice queue"]);
    expect(MOVED).toEqual([outputs["NoticeDeadLettersUrl"]]);
  });

  test.each([
    [["redrive", "tick", "--stack", "prod"], 'lastbeat redrive takes requeue, notice or dispatch; not "tick"'],
    [["redrive", "requeue"], "lastbeat redrive needs a stack: name it with --stack, or in LASTBEAT_STACK"],
    [["destroy"], "lastbeat destroy needs a stack"],
    [["doctor"], "lastbeat doctor needs a stack"],
    [["doctor", "--from-pod", "--stack", "prod"], "--from-pod needs no stack"],
    [["runs", "--stack="], "--stack takes a value"],
  ])("does not understand %j, and asks nobody", async (args, sentence) => {
    const { code, errors } = await said(args);
    expect(code).toBe(2);
    expect(errors).toContain(sentence);
    expect(aws.asked).toEqual([]);
  });
});

describe("destroy", () => {
  test("refuses while runs are live, and says how many", async () => {
    live = [run("etl-1"), run("etl-2")];
    const { code, text } = await said(["destroy", "--stack", "prod"]);
    expect(code).toBe(1);
    expect(text).toContain('the stack "prod" was not deleted: 2 runs are live');
    expect(asked("DeleteStack")).toEqual([]);
  });

  test("refuses when nobody can say what is live", async () => {
    const { code, text } = await said(["destroy", "--stack", "prod", "--url", "http://127.0.0.1:1"]);
    expect(code).toBe(1);
    expect(text).toContain("cannot tell how many runs are live: nothing answers at http://127.0.0.1:1");
    expect(asked("DeleteStack")).toEqual([]);
  });

  test("deletes whatever is live when it is forced to, and says what is kept", async () => {
    live = [run("etl-1")];
    const { code, text, errors } = await said(["destroy", "--stack", "prod", "--force"]);
    expect(code).toBe(0);
    expect(errors).toBe("lastbeat: 1 run is live\nlastbeat: prod: DELETE_COMPLETE");
    expect(text).toContain("AWS::DynamoDB::GlobalTable lastbeat-table");
    expect(text).toContain(`aws sqs delete-queue --queue-url ${outputs["RequeueDeadLettersUrl"]}`);
    expect(asked("DeleteStack")).toHaveLength(1);
  });

  test("needs no force when nothing is live", async () => {
    const { code, text } = await said(["destroy", "--stack", "prod", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ stack: "prod", live: 0, deleted: true });
    expect(asked("DeleteStack")).toHaveLength(1);
  });
});

describe("doctor", () => {
  test("exits with 1 when there is a problem, and gives its findings as JSON", async () => {
    const { code, text } = await said(["doctor", "--stack", "prod", "--json"]);
    expect(code).toBe(1);
    const { findings } = JSON.parse(text) as { findings: readonly { check: string; state: string }[] };
    const stateOf = (wanted: string) => findings.find(({ check }) => check === wanted)?.state;
    expect([stateOf("stack"), stateOf("owner call"), stateOf("requeue dead letters")]).toEqual(["ok", "ok", "problem"]);
  });

  test("exits with 1 when it can look at nothing", async () => {
    const { code, text } = await said(["doctor", "--stack", "prod"], ALONE);
    expect(code).toBe(1);
    expect(text).toMatch(/^problem {2}stack {2}could not look: no AWS credentials were found/);
  });

  test("looks from a pod without asking AWS, and exits with 0 when there is no problem", async () => {
    const ticket = `etl-1.2.1795348800.3.120000.k1.${"A".repeat(43)}`;
    const environment = { ...ALONE, LASTBEAT_URL: door.url, LASTBEAT_TICKET: ticket, LASTBEAT_IMDS: "off" };
    const { code, text } = await said(["doctor", "--from-pod"], environment);
    expect(code).toBe(0);
    expect(text).toContain("for attempt 2 of etl-1");
    expect(text).not.toContain("AAAA");
    expect(aws.asked).toEqual([]);
  });

  test("shows each finding on a line with its fix below it, and lets none of them write to the terminal", () => {
    const text = findingsText([
      { state: "ok", check: "table", says: "is ACTIVE" },
      { state: "problem", check: "front door", says: "said \u001b[2J", fix: "mend it" },
    ]);
    expect(text).toBe(
      [
        "ok       table       is ACTIVE",
        "problem  front door  said \\x1b[2J",
        "                     fix: mend it",
        "",
        "1 problem, 0 warnings",
        "",
      ].join("\n"),
    );
  });
});

test.each(["doctor", "redrive", "destroy", "drill", "runs"])(
  "%s has its help, in 90 columns, with --stack",
  (command) => {
    const lines = COMMANDS.get(command)?.help.split("\n") ?? [];
    expect(lines[0]).toContain(`lastbeat ${command}`);
    expect(lines.join("\n")).toContain("--stack NAME");
    expect([...lines, ...USAGE.split("\n")].filter((line) => line.length > 90)).toEqual([]);
  },
);
