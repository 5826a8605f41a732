import { describe, expect, test } from "vitest";
import { type Context, contextOf } from "../../cdk/context.ts";
import { SettingError, settingsOf } from "../../cdk/settings.ts";
import { anApp } from "./synthesis.ts";

/** What `-c lastbeat:NAME=VALUE` leads to; a value that is no text is one of cdk.json. */
const read = (settings: Readonly<Record<string, unknown>>): Context =>
  contextOf(
    anApp(Object.fromEntries(Object.entries(settings).map(([name, value]) => [`lastbeat:${name}`, value]))).node,
  );

describe("a setting from the context", () => {
  test.each<readonly [string, unknown, unknown]>([
    ["name", "jobs", "jobs"],
    ["expectedRuns", "5000", 5000],
    ["expectedRuns", 5000, 5000],
    ["leaseSeconds", "7.5", 7.5],
    ["sweepSeconds", "20", 20],
    ["retentionDays", "7", 7],
    ["frontDoors", "http-api,rest-api", ["http-api", "rest-api"]],
    ["frontDoors", "http-api, rest-api", ["http-api", "rest-api"]],
    ["frontDoors", ["rest-api"], ["rest-api"]],
    ["beatUrl", "true", true],
    ["beatUrl", "false", false],
    ["beatUrl", true, true],
    ["trustRunners", "true", true],
    ["trustRunners", "false", false],
    ["jwt", '{"issuer":"https://a.example","audience":["b"]}', { issuer: "https://a.example", audience: ["b"] }],
    ["jwt", { issuer: "https://a.example", audience: ["b"] }, { issuer: "https://a.example", audience: ["b"] }],
    ["domain", '{"name":"a.example","certificateArn":"arn:a"}', { name: "a.example", certificateArn: "arn:a" }],
    ["publicUrl", "https://a.example", "https://a.example"],
    ["observability", "full", "full"],
    ["logLevel", "WARN", "WARN"],
    ["logRetentionDays", "7", 7],
    ["keyRotationDays", "0", 0],
    ["removalPolicy", "destroy", "destroy"],
    ["forwarderAccounts", "111122223333,444455556666", ["111122223333", "444455556666"]],
    ["forwarderAccounts", 111_122_223_333, ["111122223333"]],
    ["forwarderOrganization", "o-a1b2c3d4e5", "o-a1b2c3d4e5"],
    ["accessLogs", "true", true],
    ["anonymousOwners", "true", true],
    ["ownerPrincipals", "111122223333", ["111122223333"]],
    ["alarmTopicArn", "arn:aws:sns:eu-west-1:123456789012:a", "arn:aws:sns:eu-west-1:123456789012:a"],
    ["reservedConcurrency", '{"beat":100}', { beat: 100 }],
    ["requeueVisibilitySeconds", "360", 360],
    ["kmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/a", "arn:aws:kms:eu-west-1:123456789012:key/a"],
    ["network", '{"vpcId":"vpc-0a","subnetIds":["subnet-0a"]}', { vpcId: "vpc-0a", subnetIds: ["subnet-0a"] }],
  ])("%s=%j is read as %j, which is good", (name, text, value) => {
    const { props } = read({ [name]: text });
    expect(props).toEqual({ [name]: value });
    expect(settingsOf(props, "Lastbeat")).toMatchObject({ [name]: value });
  });

  test.each<readonly [string, unknown]>([
    ["expectedRuns", "many"],
    ["expectedRuns", ""],
    ["sweepSeconds", true],
    ["beatUrl", "yes"],
    ["beatUrl", ""],
    ["trustRunners", "yes"],
    ["jwt", "https://a.example"],
    ["jwt", '{"issuer": https://a.example}'],
    ["domain", "a.example"],
    ["frontDoors", ""],
    ["forwarderAccounts", ""],
  ])("%s=%j is refused by its name", (name, text) => {
    expect(() => settingsOf(read({ [name]: text }).props, "Lastbeat")).toThrow(SettingError);
    expect(() => settingsOf(read({ [name]: text }).props, "Lastbeat")).toThrow(new RegExp(`^${name} `));
  });

  test.each(["expectedruns", "vpc", "alarmTopic", "__proto__x", "constructor"])(
    "named %s is none, and is refused with the names that there are",
    (name) => {
      expect(() => read({ [name]: "1" })).toThrow(SettingError);
      expect(() => read({ [name]: "1" })).toThrow(
        new RegExp(`^lastbeat:${name} is not a setting; the settings are name, `),
      );
    },
  );
});

describe("context", () => {
  test("of somebody else is left alone", () => {
    expect(contextOf(anApp({ "other:thing": "1", expectedRuns: "7" }).node)).toEqual({ tags: {}, props: {} });
  });

  test("names the stack, and the bus of a forwarder", () => {
    expect(read({ stackName: "Jobs", forwardTo: "arn:aws:events:a", name: "jobs" })).toEqual({
      stackName: "Jobs",
      forwardTo: "arn:aws:events:a",
      tags: {},
      props: { name: "jobs" },
    });
  });

  test("names tags, as an object of texts", () => {
    expect(read({ tags: '{"team":"data"}' })).toEqual({ tags: { team: "data" }, props: {} });
    for (const tags of ["team=data", '{"team":1}', "null"])
      expect(() => read({ tags })).toThrow(/^lastbeat:tags must have the form/);
  });
});
