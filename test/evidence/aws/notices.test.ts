import { describe, expect, test } from "vitest";
import { instant } from "../../../lib/core/time.ts";
import { parseEvent } from "../../../lib/evidence/aws/parse.ts";
import { at } from "../../core/runs.ts";
import {
  ACCOUNT_ARN,
  drill,
  eviction,
  evidenceOf,
  fromHook,
  fromTopic,
  fromTrail,
  groupActivity,
  HAPPENED,
  hostDrain,
  ID,
  INSTANCE,
  type Json,
  launchAction,
  lifecycle,
  maintenance,
  noticeOf,
  noticesOf,
  OTHER,
  parsed,
  RECEIVED,
  rebalanceRecommendation,
  reservationWarning,
  SAYING,
  spotWarning,
  stateChange,
  terminateAction,
  testNotification,
  ZONE_ARN,
} from "./bus.ts";

const hostsOf = (event: unknown): readonly string[] => noticesOf(event).map(({ host }) => host);

describe("a spot interruption warning", () => {
  test("is a notice with the event's id, source and time", () => {
    expect(noticeOf(spotWarning())).toEqual({
      host: INSTANCE,
      evidence: { id: ID, source: "aws.ec2", kind: "spot-interruption", at: HAPPENED, deadline: at("12:02:00") },
    });
  });

  test.each(["stop", "terminate", "action", undefined, 7])("gives 120 s before it does %s", (action) => {
    const event = spotWarning({ "instance-id": INSTANCE, "instance-action": action });
    expect(evidenceOf(event).deadline).toBe(at("12:02:00"));
  });

  test("gives no time before hibernation, which has begun", () => {
    const event = spotWarning({ "instance-id": INSTANCE, "instance-action": "hibernate" });
    expect(evidenceOf(event).deadline).toBe(HAPPENED);
  });

  test.each([[[ZONE_ARN]], [[ACCOUNT_ARN]], [[`arn:aws-cn:ec2:cn-north-1a:instance/${INSTANCE}`]], [ZONE_ARN]])(
    "names the instance by %j where the detail does not",
    (resources) => {
      expect(noticeOf(spotWarning({ "instance-action": "terminate" }, { resources })).host).toBe(INSTANCE);
    },
  );

  test("is unknown when its resources name two instances and its detail none", () => {
    const event = spotWarning({}, { resources: [ZONE_ARN, `arn:aws:ec2:us-east-1b:instance/${OTHER}`] });
    expect(parsed(event).kind).toBe("unknown");
  });

  test.each([
    "i-1234567",
    "i-1234567890abcdef01",
    "i-0B662EF9931388BA0",
    "mi-0b662ef9931388ba0",
    `${INSTANCE}\n`,
    7,
    null,
  ])("is unknown when it names %j, which is no instance", (id) => {
    expect(parsed(spotWarning({ "instance-id": id }, { resources: [] })).kind).toBe("unknown");
  });

  test("names an instance of before 2016 by its short id", () => {
    expect(noticeOf(spotWarning({ "instance-id": "i-1eb2ac8e" })).host).toBe("i-1eb2ac8e");
  });
});

describe("a rebalance recommendation", () => {
  test("is advice without a deadline", () => {
    expect(noticeOf(rebalanceRecommendation())).toEqual({
      host: INSTANCE,
      evidence: { id: ID, source: "aws.ec2", kind: "rebalance", at: HAPPENED },
    });
  });
});

describe("a state change", () => {
  test.each(["stopping", "stopped", "shutting-down"])("to %s says that the host goes, not why", (state) => {
    expect(evidenceOf(stateChange(state))).toEqual({ id: ID, source: "aws.ec2", kind: "stopping", at: HAPPENED });
  });

  test("to terminated proves that the host is gone", () => {
    expect(evidenceOf(stateChange("terminated"))).toMatchObject({ kind: "terminated", goneAt: HAPPENED });
  });

  test.each(["pending", "running"])("to %s is ignored", (state) => {
    expect(parsed(stateChange(state)).kind).toBe("ignored");
  });

  test.each(["stop", "creating", "Terminated", "", "constructor", "__proto__", 16, ["terminated"], undefined])(
    "to %j is unknown",
    (state) => {
      expect(parsed(stateChange(state)).kind).toBe("unknown");
    },
  );
});

describe("the warning of a capacity reservation", () => {
  test("gives until the termination that it names", () => {
    const event = reservationWarning({ "instance-termination-time": "2026-11-22T12:10:00Z", azId: "use1-az1" });
    expect(noticeOf(event)).toMatchObject({
      host: INSTANCE,
      evidence: { kind: "capacity-reservation", deadline: at("12:10:00") },
    });
  });

  test.each([undefined, "yyyy-mm-ddThh:mm:ssZ", "2036-11-22T12:10:00Z"])("gives 120 s when it names %s", (time) => {
    expect(evidenceOf(reservationWarning({ "instance-termination-time": time })).deadline).toBe(at("12:02:00"));
  });

  test("is known under the name that the documentation of capacity blocks prints", () => {
    const { "detail-type": type, ...rest } = reservationWarning();
    expect(evidenceOf({ ...rest, detail_type: type }).kind).toBe("capacity-reservation");
  });
});

describe("a health event", () => {
  test("is a maintenance from its start time on, without a deadline", () => {
    expect(noticeOf(maintenance())).toEqual({
      host: INSTANCE,
      evidence: {
        id: "bLmji-vWPQj5OlFDyQblB1",
        source: "aws.health",
        kind: "maintenance",
        at: instant(Date.parse("2026-12-05T15:10:09Z")),
        saidAt: HAPPENED,
      },
    });
  });

  test.each([
    ["Sat, 05 Dec 2026 17:10:09 GMT", instant(Date.parse("2026-12-05T17:10:09Z"))],
    ["2026-12-05T17:10:09Z", instant(Date.parse("2026-12-05T17:10:09Z"))],
  ])("has its end time as its deadline: %s", (endTime, deadline) => {
    expect(noticeOf(maintenance({ endTime }))).toMatchObject({
      evidence: { at: instant(Date.parse("2026-12-05T15:10:09Z")), deadline },
    });
  });

  test.each([undefined, "", "soon", "Sat, 99 Dec 2026 15:10:09 GMT", "Sun, 05 Dec 2027 15:10:09 GMT", 1_800_000_000])(
    "has no deadline when it ends at %s",
    (endTime) => {
      expect(evidenceOf(maintenance({ endTime }))).not.toHaveProperty("deadline");
    },
  );

  test("has the id of what it is about, so that all that is said of one maintenance is one word", () => {
    const [announced, moved] = [maintenance(), maintenance({ startTime: "2026-12-06T15:10:09Z" }, { id: "another" })];
    expect(evidenceOf(moved).id).toBe(evidenceOf(announced).id);
    const eventArn = "arn:aws:health:us-east-1::event/EC2/AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED/2";
    expect(evidenceOf(maintenance({ eventArn })).id).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(evidenceOf(maintenance({ eventArn })).id).not.toBe(evidenceOf(announced).id);
  });

  test.each([undefined, null, 7, ["arn:aws:health:us-east-1::event/1"]])(
    "without a name (%j) has its own id",
    (arn) => {
      expect(evidenceOf(maintenance({ eventArn: arn })).id).toBe(ID);
    },
  );

  test("that is closed before its start takes back what it said", () => {
    expect(evidenceOf(maintenance({ statusCode: "closed" }))).toEqual({
      ...evidenceOf(maintenance()),
      withdrawn: true,
    });
    expect(evidenceOf(maintenance({ statusCode: "closed", startTime: "2026-11-22T12:00:00.001Z" })).withdrawn).toBe(
      true,
    );
  });

  test.each<Json>([
    { statusCode: "closed", startTime: "2026-11-22T12:00:00Z" },
    { statusCode: "closed", startTime: "2026-11-21T12:00:00Z" },
    { statusCode: "closed", startTime: undefined },
    { statusCode: "upcoming" },
    { statusCode: "open" },
    { statusCode: "Closed" },
    { statusCode: ["closed"] },
  ])("with %j takes nothing back", (detail) => {
    expect(evidenceOf(maintenance(detail))).not.toHaveProperty("withdrawn");
  });

  test("may write its start time in RFC 3339", () => {
    expect(evidenceOf(maintenance({ startTime: "2026-11-22T13:00:00Z" })).at).toBe(at("13:00:00"));
  });

  test.each([undefined, "", "soon", "Sat, 99 Dec 2026 15:10:09 GMT", "Sun, 05 Dec 2027 15:10:09 GMT", 1_800_000_000])(
    "counts from its own time when it starts at %s",
    (startTime) => {
      expect(evidenceOf(maintenance({ startTime })).at).toBe(HAPPENED);
    },
  );

  test("tells each affected instance once, and no volume or dedicated host", () => {
    const values = [INSTANCE, "vol-0abcdef0123456789", OTHER, INSTANCE, ACCOUNT_ARN, "h-0abcdef0123456789", null];
    const affectedEntities = [...values.map((entityValue) => ({ entityValue })), "i-12345678", null];
    expect(hostsOf(maintenance({ affectedEntities }))).toEqual([INSTANCE, OTHER]);
  });

  test.each([undefined, null, []])("names its instances among its resources when its entities are %j", (entities) => {
    const resources = ["i-12345678", ACCOUNT_ARN, "arn:aws:ec2:us-east-1:123456789012:volume/vol-0abcdef0123456789"];
    expect(hostsOf(maintenance({ affectedEntities: entities }, { resources }))).toEqual(["i-12345678", INSTANCE]);
  });

  test.each<Json>([
    { service: "RDS" },
    { eventTypeCategory: "issue" },
    { eventTypeCategory: "accountNotification" },
    { eventScopeCode: "PUBLIC" },
    { affectedEntities: [{ entityValue: "vol-0abcdef0123456789" }] },
    { affectedEntities: [] },
  ])("with %j is ignored", (detail) => {
    expect(parsed(maintenance(detail)).kind).toBe("ignored");
  });

  test("of before scope codes is about the account", () => {
    expect(hostsOf(maintenance({ eventScopeCode: undefined }))).toEqual([INSTANCE]);
  });

  test.each<Json>([{ service: undefined }, { eventTypeCategory: 7 }, { affectedEntities: INSTANCE }])(
    "with %j is malformed",
    (detail) => {
      expect(parsed(maintenance(detail)).kind).toBe("unknown");
    },
  );
});

describe("a lifecycle action", () => {
  test("that ends an instance is a scale-in", () => {
    expect(noticeOf(terminateAction())).toEqual({
      host: INSTANCE,
      evidence: { id: ID, source: "aws.autoscaling", kind: "scale-in", at: HAPPENED },
    });
  });

  test.each<Json>([
    { Origin: "AutoScalingGroup", Destination: "EC2" },
    { Origin: "AutoScalingGroup", Destination: "WarmPool" },
    { Origin: "WarmPool", Destination: "EC2" },
  ])("is a scale-in with %j", (detail) => {
    expect(evidenceOf(terminateAction(detail)).kind).toBe("scale-in");
  });

  test("has the same meaning straight from a hook, with the time and id of the request", () => {
    expect(noticeOf(fromHook())).toEqual({
      host: INSTANCE,
      evidence: {
        id: "5d858daa-5692-135e-98ca-ef04118c2ab5",
        source: "aws.autoscaling",
        kind: "scale-in",
        at: HAPPENED,
      },
    });
  });

  test("has the same meaning through a topic", () => {
    expect(parsed(fromTopic(fromHook()))).toEqual(parsed(fromHook()));
    expect(parsed(fromTopic(terminateAction()))).toEqual(parsed(terminateAction()));
  });

  test.each<readonly [string, unknown]>([
    ["a hook's test", testNotification],
    ["a hook's test through a topic", fromTopic(testNotification)],
    ["a test on the bus", terminateAction({ LifecycleTransition: "autoscaling:TEST_NOTIFICATION" })],
    [
      "a test on the bus, as an event",
      terminateAction({ LifecycleTransition: undefined, Event: testNotification["Event"] }),
    ],
    ["a test through a topic and the bus", fromTopic(terminateAction({ Event: testNotification["Event"] }))],
    ["a test that somebody published by hand", { Event: "autoscaling:TEST_NOTIFICATION" }],
    ["a launch", launchAction()],
    ["a launch from a hook", fromHook({ LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING" })],
    ["a transition of another kind", terminateAction({ LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING" })],
  ])("is ignored when it is %s", (_, event) => {
    expect(parsed(event).kind).toBe("ignored");
  });

  test.each<readonly [string, unknown]>([
    ["no instance", terminateAction({ EC2InstanceId: undefined })],
    ["no transition", terminateAction({ LifecycleTransition: undefined })],
    ["no transition, from a hook", { ...lifecycle, LifecycleTransition: null }],
    ["another event than the test", { ...testNotification, Event: "autoscaling:EC2_INSTANCE_LAUNCH_ERROR" }],
  ])("is unknown with %s", (_, event) => {
    expect(parsed(event).kind).toBe("unknown");
  });
});

describe("an activity of a group", () => {
  const ending = (detail: Json): Json => groupActivity("Terminate Successful", "a user request", detail);

  test.each([
    "At 2026-11-22T11:59:00Z instance i-0b662ef9931388ba0 was taken out of service in response to a user request, shrinking the capacity from 4 to 3.",
    "At 2026-11-22T11:59:00Z an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from 4 to 0.",
    "At 2026-11-22T11:59:00Z an instance was taken out of service in response to an ELB system health check failure.",
    "At 2026-11-22T11:59:00Z a user request had instance i-0b662ef9931388ba0 terminated.",
    "description-text",
    undefined,
    ["health check indicating it has been terminated or stopped"],
  ])("that ended an instance is a scale-in: %s", (cause) => {
    expect(noticeOf(groupActivity("Terminate Successful", cause))).toEqual({
      host: INSTANCE,
      evidence: { id: ID, source: "aws.autoscaling", kind: "scale-in", at: HAPPENED },
    });
  });

  test.each(["an EC2", "a EC2"])("that found an instance ended, after %s health check, knows no reason", (article) => {
    const cause = `At 2026-11-22T11:59:00Z an instance was taken out of service in response to ${article} health check indicating it has been terminated or stopped.`;
    expect(evidenceOf(groupActivity("Terminate Successful", cause)).kind).toBe("stopping");
  });

  test("has begun at its start time, and was over when it was told", () => {
    expect(noticeOf(ending({ StartTime: "2026-11-22T11:57:30Z", EndTime: "2026-11-22T12:00:00Z" }))).toEqual({
      host: INSTANCE,
      evidence: { id: ID, source: "aws.autoscaling", kind: "scale-in", at: at("11:57:30"), deadline: HAPPENED },
    });
    expect(noticeOf(ending({ StartTime: "2026-11-22T12:00:00Z" }))).toMatchObject({
      evidence: { at: HAPPENED, deadline: HAPPENED },
    });
  });

  test.each([undefined, "", "timestamp", "2026-11-22T12:00:00.001Z", "2026-08-24T12:00:00Z", 1_795_348_800])(
    "counts from its own time, without a deadline, when it has begun at %j",
    (StartTime) => {
      const evidence = evidenceOf(ending({ StartTime }));
      expect(evidence.at).toBe(HAPPENED);
      expect(evidence).not.toHaveProperty("deadline");
    },
  );

  test("names its instance among its resources, beside the group", () => {
    expect(noticeOf(ending({ EC2InstanceId: "" })).host).toBe(INSTANCE);
  });

  test.each(["Terminate Unsuccessful", "Launch Successful", "Launch Unsuccessful"])("%s is ignored", (what) => {
    expect(parsed(groupActivity(what, "a user request")).kind).toBe("ignored");
  });
});

describe("an eviction", () => {
  const evidence = {
    id: "4ca413e4-0bfc-4cba-b65c-75617bbf08d5",
    source: "aws.ec2",
    kind: "evicted",
    at: at("11:55:00"),
    goneAt: at("11:55:15"),
  };

  test.each([
    [[INSTANCE, OTHER, INSTANCE]],
    [{ items: [{ instanceId: INSTANCE }, { instanceId: OTHER }] }],
    [[{ instanceId: INSTANCE }, OTHER, "i-aaa", null]],
  ])("tells each instance in %j that it is gone, 15 s after the record's own time", (set) => {
    expect(noticesOf(eviction(set))).toEqual([
      { host: INSTANCE, evidence },
      { host: OTHER, evidence },
    ]);
  });

  test("is the same evidence from the bus and from the trail", () => {
    expect(parsed(fromTrail(eviction([INSTANCE])))).toEqual(parsed(eviction([INSTANCE])));
  });

  test("takes its instances from one place only", () => {
    const elsewhere = { requestParameters: { instanceIdSet: [INSTANCE] }, serviceEventDetails: null };
    expect(parsed({ ...fromTrail(eviction([], elsewhere)), resources: [ACCOUNT_ARN] }).kind).toBe("ignored");
  });

  test("at an unknown time is evidence, but no proof: a stopped instance comes back under its id", () => {
    const told = evidenceOf(fromTrail(eviction([INSTANCE], { eventTime: "yyyy-mm-ddThh:mm:ssZ" })));
    expect(told).toEqual({ id: evidence.id, source: "aws.ec2", kind: "evicted", at: HAPPENED });
  });

  test("without an id has that of the event", () => {
    expect(evidenceOf(fromTrail(eviction([INSTANCE], { eventID: undefined }))).id).toBe(ID);
  });

  test.each([undefined, null, [], ["i-aaa"], {}, { items: [] }])("that names %j is ignored, or malformed", (set) => {
    expect(parsed(eviction(set)).kind).toBe(JSON.stringify(set) === "{}" ? "unknown" : "ignored");
  });

  test.each<Json>([{ eventName: undefined }, { eventSource: "s3.amazonaws.com" }])("with %j is unknown", (fields) => {
    expect(parsed(eviction([INSTANCE], fields)).kind).toBe("unknown");
  });

  test("without a name is unknown on the bus, and with another ignored", () => {
    expect(parsed(fromTrail(eviction([INSTANCE], { eventName: undefined }))).kind).toBe("unknown");
    expect(parsed(fromTrail(eviction([INSTANCE], { eventName: "SharedSnapshotCopyInitiated" }))).kind).toBe("ignored");
  });
});

describe("an event of our own", () => {
  test("drains a host until a deadline", () => {
    expect(noticeOf(hostDrain({ host: "worker/eu_1:a", deadline: "2026-11-22T13:00:00+01:00" }))).toEqual({
      host: "worker/eu_1:a",
      evidence: { id: ID, source: "lastbeat", kind: "drain", at: HAPPENED, deadline: HAPPENED },
    });
  });

  test.each([undefined, "soon", 1_800_000_000])("drains a host without a deadline when that is %s", (deadline) => {
    expect(evidenceOf(hostDrain({ host: "h", deadline, reason: 7 }))).not.toHaveProperty("deadline");
  });

  test.each([undefined, "", "-h", "h h", "h\n", "h".repeat(129), ["h"], { host: "h" }])(
    "is unknown about host %j",
    (host) => {
      expect(parsed(hostDrain({ host })).kind).toBe("unknown");
    },
  );
});

describe("a drill", () => {
  const played = SAYING.filter(({ source }) => typeof source === "string" && source.startsWith("aws."));

  test.each(played)("plays $detail-type, but nobody dies of it: it proves nothing", (event) => {
    const asPlayed = noticesOf(event).map(({ evidence: { goneAt: _, ...evidence }, ...rest }) => ({
      ...rest,
      evidence: { ...evidence, source: "lastbeat.drill", drill: true },
    }));
    expect(noticesOf(drill(event))).toEqual(asPlayed);
  });

  test("is known as one, and the real event is not", () => {
    expect(evidenceOf(drill(spotWarning())).drill).toBe(true);
    expect(evidenceOf(spotWarning())).not.toHaveProperty("drill");
  });

  test("plays no event of our own, and ignores what the real one ignores", () => {
    expect(parsed(drill(hostDrain({ host: "h" }))).kind).toBe("unknown");
    expect(parsed(drill(stateChange("running"))).kind).toBe("ignored");
  });
});

describe("the time of an event", () => {
  test.each([
    ["2026-11-22T12:00:00Z", at("12:00:00")],
    ["2026-11-22T12:00:00.250Z", at("12:00:00.250")],
    ["2026-11-22T13:00:00+01:00", at("12:00:00")],
    ["2026-11-23T12:00:01Z", instant(RECEIVED + 86_400_000)],
    ["2026-08-24T12:00:01Z", instant(RECEIVED - 90 * 86_400_000)],
  ])("is read as %s", (time, expected) => {
    expect(evidenceOf(spotWarning(undefined, { time })).at).toBe(expected);
  });

  test.each([
    "yyyy-mm-ddThh:mm:ssZ",
    "",
    undefined,
    null,
    "2026-11-23T12:00:01.001Z",
    "2026-08-24T12:00:00.999Z",
    "2026-11-22T12:00:00",
    "2026-13-22T12:00:00Z",
    "2026-11-22",
    "Sun, 22 Nov 2026 12:00:00 GMT",
    " 2026-11-22T12:00:00Z",
    Date.parse("2026-11-22T12:00:00Z"),
  ])("is that of its receipt when it says %j", (time) => {
    expect(evidenceOf(spotWarning(undefined, { time })).at).toBe(RECEIVED);
  });
});

describe("the id of an event", () => {
  test.each([undefined, "", "with space", "ümlaut", "x".repeat(65), 7, ["id"]])(
    "that is %j is made of its content, whatever the order of its fields",
    (id) => {
      const event = spotWarning(undefined, { id });
      const reversed = Object.fromEntries(Object.entries(event).reverse());
      expect(evidenceOf(event).id).toMatch(/^[A-Za-z0-9_-]{22}$/);
      expect(evidenceOf(reversed).id).toBe(evidenceOf(event).id);
      expect(evidenceOf(fromTopic(event)).id).toBe(evidenceOf(event).id);
      expect(evidenceOf({ ...event, region: "eu-west-1" }).id).not.toBe(evidenceOf(event).id);
    },
  );

  test("does not change when it is received again later", () => {
    const { id: _, ...event } = stateChange("terminated", { time: "" });
    const [one, other] = [RECEIVED, instant(RECEIVED + 60_000)].map((receivedAt) => parseEvent(event, receivedAt));
    expect(one?.kind === "notices" && one.notices[0]?.evidence.id).toBe(
      other?.kind === "notices" && other.notices[0]?.evidence.id,
    );
  });
});

describe("an event of another kind", () => {
  test("is not taken for a topic's message because it has one", () => {
    expect(parsed({ ...spotWarning(), Message: "to whom it may concern" })).toEqual(parsed(spotWarning()));
  });

  test.each<readonly [string, unknown]>([
    ["a detail-type that nobody knows", { ...spotWarning(), "detail-type": "EC2 Spot Instance Request Fulfillment" }],
    ["a known detail-type from another source", { ...spotWarning(), source: "aws.health" }],
    ["a source that is no text", { ...spotWarning(), source: ["aws.ec2"] }],
    ["no detail", { ...spotWarning(), detail: null }],
    ["a message that is no JSON", { Message: "{" }],
    ["a message that holds no object", { Message: "[]" }],
    ["a message in a message", fromTopic(fromTopic(spotWarning()))],
  ])("is unknown with %s", (_, event) => {
    expect(parsed(event).kind).toBe("unknown");
  });
});
