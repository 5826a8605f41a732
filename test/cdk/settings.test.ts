import { describe, expect, test } from "vitest";
import { type LastbeatProps, SettingError, settingsOf } from "../../cdk/settings.ts";
import { noticeRules } from "./patterns.ts";
import { resourcesOf, stackOf, templateOf } from "./synthesis.ts";

const ISSUER = "https://oidc.example.com/id/1";
const DOMAIN = { name: "beat.example.com", certificateArn: "arn:aws:acm:eu-central-1:123456789012:certificate/1" };

const OTHER = { issuer: "https://oidc.example.com/id/2", audience: ["lastbeat"] };
const REST = { frontDoors: ["rest-api"] } as const;
const NETWORK = { vpcId: "vpc-0a", subnetIds: ["subnet-0a", "subnet-0b"] };
const TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms";
const WEB_ACL = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/lastbeat/1";

/** What a program that no compiler has read, or a JSON file, may hand over. */
const given = (props: Readonly<Record<string, unknown>>): LastbeatProps => props as LastbeatProps;

const PREFECT = { kind: "prefect", name: "prod", url: "https://prefect.example/api" } as const;
const SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prefect-AbCdEf";

/** Bad values of each setting: what is wrong with some of them a compiler would see, and JSON would not. */
const BAD: readonly (readonly [keyof LastbeatProps, unknown, LastbeatProps?])[] = [
  ["name", ""],
  ["name", "1-begins-with-a-digit"],
  ["name", "has space"],
  ["name", "under_score"],
  ["name", "a".repeat(37)],
  ["name", "newline\n"],
  ["expectedRuns", 0],
  ["expectedRuns", 1.5],
  ["expectedRuns", 10_000_001],
  ["expectedRuns", Number.NaN],
  ["expectedRuns", "1000"],
  ["leaseSeconds", 4],
  ["leaseSeconds", 3601],
  ["leaseSeconds", Number.NaN],
  ["sweepSeconds", 0],
  ["sweepSeconds", 7],
  ["sweepSeconds", 0.5],
  ["sweepSeconds", 120],
  ["sweepSeconds", -10],
  ["retentionDays", 0],
  ["retentionDays", 366],
  ["retentionDays", 1.5],
  ["frontDoors", []],
  ["frontDoors", ["function-url"]],
  ["frontDoors", ["http-api", "http-api"]],
  ["beatUrl", "no"],
  ["beatUrl", true, { jwt: { issuer: ISSUER, audience: ["lastbeat"] } }],
  ["trustRunners", "no"],
  ["trustRunners", 1],
  ["jwt", { issuer: "http://oidc.example.com", audience: ["lastbeat"] }],
  ["jwt", { issuer: ISSUER, audience: [] }],
  ["jwt", { issuer: ISSUER }],
  ["jwt", { issuer: ISSUER, audience: "lastbeat" }],
  ["jwt", ISSUER],
  ["jwt", [{ issuer: ISSUER, audience: ["a"] }, OTHER], { frontDoors: ["http-api", "rest-api"] }],
  ["jwt", [{ issuer: ISSUER, audience: ["a"] }, OTHER]],
  ["jwt", []],
  ["jwt", [{ issuer: ISSUER, audience: [] }, OTHER], { frontDoors: ["rest-api"] }],
  ["jwt", { issuer: "http://127.0.0.1.evil.example", audience: ["lastbeat"] }],
  ["restApi", { webAclArn: WEB_ACL }],
  ["restApi", { webAclArn: "my-acl" }, REST],
  ["restApi", { vpcEndpointIds: ["vpc-1"] }, { ...REST, network: NETWORK }],
  ["restApi", { vpcEndpointIds: [] }, { ...REST, network: NETWORK }],
  ["restApi", { vpcEndpointIds: ["vpce-1"] }, REST],
  ["restApi", { vpcEndpointId: ["vpce-1"] }, { ...REST, network: NETWORK }],
  ["restApi", { vpcEndpointIds: "vpce-1" }, { ...REST, network: NETWORK }],
  ["restApi", "vpce-1", { ...REST, network: NETWORK }],
  ["restApi", { webAclArn: "arn:aws:s3:::bucket" }, REST],
  ["restApi", { webAclArn: "arn:aws:wafv2:us-east-1:123456789012:global/webacl/lastbeat/1" }, REST],
  ["beatUrl", true, { restApi: { webAclArn: WEB_ACL }, ...REST }],
  ["jwt", [OTHER, OTHER], REST],
  ["jwt", { ...OTHER, issuer: `${OTHER.issuer}?a=b` }],
  ["vpcSubnets", {}],
  ["securityGroups", []],
  ["network", { ...NETWORK, securityGroups: ["sg-0a"] }],
  ["alarmTopicArn", TOPIC, { observability: "none" }],
  ["ownerPrincipals", ["arn:aws:iam::111122223333:role/*"]],
  ["ownerPrincipals", ["arn:aws:iam::111122223333:role"]],
  ["accessLogs", "yes"],
  ["anonymousOwners", "yes"],
  ["ownerPrincipals", ["somebody"]],
  ["ownerPrincipals", ["111122223333", "*"]],
  ["ownerPrincipals", ["arn:aws:s3:::bucket"]],
  ["alarmTopicArn", "alarms"],
  ["alarmTopicArn", TOPIC, given({ alarmTopic: {} })],
  ["forwarderOrganization", "111122223333"],
  ["forwarderOrganization", "*"],
  ["reservedConcurrency", { beat: 0 }],
  ["reservedConcurrency", { beat: 1.5 }],
  ["reservedConcurrency", { canary: 5 }],
  ["reservedConcurrency", 100],
  ["requeueVisibilitySeconds", 0],
  ["requeueVisibilitySeconds", 43_201],
  ["kmsKeyArn", "alias/lastbeat"],
  ["kmsKeyArn", "arn:aws:kms:eu-central-1:123456789012:alias/lastbeat"],
  ["network", { vpcId: "vpc-1" }],
  ["network", { vpcId: "vpc-1", subnetIds: [] }],
  ["network", { vpcId: "vpc-1", subnetIds: ["vpc-1"] }],
  ["network", { ...NETWORK, securityGroupIds: ["mine"] }],
  ["network", NETWORK, given({ vpc: {} })],
  ["domain", { ...DOMAIN, name: "localhost" }],
  ["domain", { ...DOMAIN, name: "https://beat.example.com" }],
  ["domain", { ...DOMAIN, certificateArn: "certificate/1" }],
  ["domain", { name: DOMAIN.name }],
  ["domain", DOMAIN, { frontDoors: ["rest-api"] }],
  ["publicUrl", "proxy.example.com"],
  ["publicUrl", "ftp://proxy.example.com"],
  ["publicUrl", ""],
  ["publicUrl", "https://proxy.example.com/?a=b"],
  ["warmWrites", 4000],
  ["warmWrites", 40_001],
  ["observability", "some"],
  ["logLevel", "info"],
  ["logRetentionDays", 31],
  ["keyRotationDays", 1],
  ["keyRotationDays", 1001],
  ["keyRotationDays", -1],
  ["keyRotationDays", 30.5],
  ["removalPolicy", "RETAIN"],
  ["forwarderAccounts", ["12345"]],
  ["forwarderAccounts", ["111122223333", "*"]],
  ["forwarderAccounts", ["111122223333", "111122223333"]],
  ["clusters", "prod"],
  ["clusters", [{ name: "a b" }]],
  ["clusters", [{ name: "prod" }, { name: "prod" }]],
  ["clusters", [{ name: "prod", zone: "a" }]],
  ["clusters", [{ name: "prod", region: "moon" }]],
  ["clusters", [{ name: "prod", role: "admin" }]],
  ["clusters", [{ name: "prod", agentImage: "" }]],
  ["clusters", [{ name: "prod", accessEntries: "no" }]],
  ["clusters", [{ name: "prod", namespaces: [] }]],
  ["clusters", [{ name: "prod", namespaces: ["Not A Name"] }]],
  ["orchestrators", "https://prefect.example/api"],
  ["orchestrators", [{ ...PREFECT, kind: "cron" }]],
  ["orchestrators", [{ ...PREFECT, name: "Not A Name" }]],
  ["orchestrators", [{ ...PREFECT, url: "prefect.example" }]],
  ["orchestrators", [{ ...PREFECT, url: "https://me:secret@prefect.example/api" }]],
  ["orchestrators", [{ ...PREFECT, secretArn: "pnu_key" }]],
  ["orchestrators", [{ ...PREFECT, url: "http://prefect.internal/api", secretArn: SECRET }]],
  ["orchestrators", [{ ...PREFECT, onDemand: "capacity" }]],
  ["orchestrators", [{ ...PREFECT, apiKey: "pnu_key" }]],
  ["orchestrators", [PREFECT, PREFECT]],
  ["webhooks", "https://ci.example"],
  ["webhooks", [{ name: "Not A Name", url: "https://ci.example" }]],
  ["webhooks", [{ name: "ci", url: "http://ci.example" }]],
  ["webhooks", [{ name: "ci", url: "ci.example" }]],
  ["webhooks", [{ name: "ci", url: "https://me:secret@ci.example" }]],
  ["webhooks", [{ name: "ci", url: "https://ci.example", secretArn: "whsec_abc" }]],
  [
    "webhooks",
    [
      {
        name: "ci",
        url: "https://ci.example",
        secretArn: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ci",
      },
    ],
  ],
  ["webhooks", [{ name: "ci", url: "https://ci.example", allowPrivate: "yes" }]],
  ["webhooks", [{ name: "ci", url: "https://ci.example", secret: "whsec_abc" }]],
  [
    "webhooks",
    [
      { name: "ci", url: "https://a.example" },
      { name: "ci", url: "https://b.example" },
    ],
  ],
];

const GOOD: readonly LastbeatProps[] = [
  {},
  { name: "a" },
  { name: "a".repeat(36) },
  { expectedRuns: 1 },
  { expectedRuns: 10_000_000 },
  { leaseSeconds: 5 },
  { leaseSeconds: 3600 },
  { sweepSeconds: 1 },
  { sweepSeconds: 60 },
  { retentionDays: 1 },
  { retentionDays: 365 },
  { frontDoors: ["rest-api"] },
  { frontDoors: ["rest-api", "http-api"], beatUrl: true },
  { beatUrl: false, jwt: { issuer: ISSUER, audience: ["a", "b"] } },
  { trustRunners: true },
  { trustRunners: false },
  { domain: DOMAIN },
  { publicUrl: "http://127.0.0.1:4566/lastbeat" },
  { observability: "none" },
  { observability: "full" },
  { logLevel: "WARN" },
  { logRetentionDays: 1 },
  { logRetentionDays: 3653 },
  { keyRotationDays: 0 },
  { keyRotationDays: 2 },
  { keyRotationDays: 1000 },
  { removalPolicy: "destroy" },
  { forwarderAccounts: ["000000000000", "111122223333"] },
  { forwarderOrganization: "o-a1b2c3d4e5" },
  { jwt: [{ issuer: ISSUER, audience: ["a"] }] },
  { jwt: [{ issuer: ISSUER, audience: ["a"] }, OTHER], frontDoors: ["rest-api"] },
  { jwt: { issuer: ISSUER, audience: ["a"] }, frontDoors: ["http-api", "rest-api"] },
  { restApi: { webAclArn: WEB_ACL }, ...REST },
  { restApi: { vpcEndpointIds: ["vpce-0a", "vpce-0b"] }, network: NETWORK, ...REST },
  { restApi: { vpcEndpointIds: ["vpce-0a"] }, frontDoors: ["http-api", "rest-api"] },
  { restApi: { vpcEndpointIds: ["vpce-0a"] }, publicUrl: "https://lastbeat.internal", ...REST },
  { accessLogs: true },
  { anonymousOwners: true },
  { ownerPrincipals: ["111122223333", "arn:aws:iam::111122223333:role/airflow"] },
  { alarmTopicArn: TOPIC },
  { reservedConcurrency: { beat: 100, runner: 20, owner: 5, sweep: 1, notice: 50 } },
  { requeueVisibilitySeconds: 1 },
  { requeueVisibilitySeconds: 43_200 },
  { kmsKeyArn: "arn:aws:kms:eu-central-1:123456789012:key/1a2b3c4d-0000-4000-8000-000000000000" },
  { orchestrators: [{ ...PREFECT, secretArn: SECRET, onDemand: { capacity: "on-demand" } }] },
  { orchestrators: [{ ...PREFECT, url: "http://prefect.internal:4200/api" }] },
  {
    webhooks: [
      { name: "ci", url: "https://ci.example/lastbeat?team=ml" },
      {
        name: "inside",
        url: "https://ci.internal:8443",
        secretArn: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ci-AbCdEf",
        allowPrivate: true,
      },
    ],
  },
  {
    clusters: [
      { name: "prod" },
      {
        name: "lab",
        region: "eu-west-1",
        role: "arn:aws:iam::111122223333:role/lastbeat",
        agentImage: "registry.example/lastbeat:1",
        namespaces: ["ml", "etl-2"],
        accessEntries: false,
      },
    ],
  },
  { network: NETWORK },
  { network: { ...NETWORK, securityGroupIds: ["sg-0a"] } },
];

describe("a setting is refused by its name:", () => {
  test.each(BAD.map(([name, value, beside = {}]) => ({ name, value, beside })))(
    "$name cannot be $value",
    ({ name, value, beside }) => {
      const synthesize = (): unknown => stackOf(given({ ...beside, [name]: value }));
      expect(synthesize).toThrow(SettingError);
      expect(synthesize).toThrow(new RegExp(`^${name} [a-z]`));
    },
  );

  test("every setting that can be wrong has been tried", () => {
    // A topic and a VPC are constructs, which cannot be made wrongly.
    const every = new Set([...BAD.map(([name]) => name), "alarmTopic", "vpc"]);
    const all: { readonly [K in keyof LastbeatProps]-?: true } = {
      name: true,
      expectedRuns: true,
      warmWrites: true,
      leaseSeconds: true,
      sweepSeconds: true,
      retentionDays: true,
      frontDoors: true,
      beatUrl: true,
      trustRunners: true,
      jwt: true,
      domain: true,
      publicUrl: true,
      observability: true,
      alarmTopic: true,
      logLevel: true,
      logRetentionDays: true,
      keyRotationDays: true,
      removalPolicy: true,
      forwarderAccounts: true,
      vpc: true,
      vpcSubnets: true,
      restApi: true,
      accessLogs: true,
      ownerPrincipals: true,
      anonymousOwners: true,
      alarmTopicArn: true,
      forwarderOrganization: true,
      reservedConcurrency: true,
      requeueVisibilitySeconds: true,
      clusters: true,
      webhooks: true,
      orchestrators: true,
      kmsKeyArn: true,
      securityGroups: true,
      network: true,
    };
    expect([...every].sort()).toEqual(Object.keys(all).sort());
  });

  test("all that are wrong, at once", () => {
    const synthesize = (): unknown => stackOf({ expectedRuns: 0, sweepSeconds: 7, retentionDays: 0 });
    expect(synthesize).toThrow(/^expectedRuns .+; sweepSeconds .+; retentionDays /);
  });

  test("what it can be is said, and what it was", () => {
    expect(() => settingsOf({ sweepSeconds: 7 }, "Lastbeat")).toThrow(
      "sweepSeconds must be a whole divisor of 60, not 7",
    );
    expect(() => settingsOf(given({ trustRunners: "no" }), "Lastbeat")).toThrow(
      'trustRunners must be true or false, not "no"',
    );
    expect(() => settingsOf(given({ logLevel: "info" }), "Lastbeat")).toThrow(
      'logLevel must be one of INFO, WARN; not "info"',
    );
  });

  test("the name of the stack, where it is to be the name of the deployment", () => {
    expect(() => settingsOf({}, "S".repeat(37))).toThrow(/^name /);
    expect(settingsOf({ name: "jobs" }, "S".repeat(37)).name).toBe("jobs");
  });
});

describe("a good setting", () => {
  test.each(GOOD)("%j is taken as it is", (props) => {
    expect(settingsOf(props, "Lastbeat")).toMatchObject(props);
  });

  test("of the longest name leaves room for what AWS takes as names of rules and statements", () => {
    const template = templateOf({ name: "a".repeat(36), forwarderAccounts: ["000000000000"] });
    const names = [...noticeRules(template).values()].map(({ Properties }) => Properties.Name);
    const statements = resourcesOf<{ StatementId: string }>(template, "AWS::Events::EventBusPolicy");
    names.push(...[...statements.values()].map(({ Properties }) => Properties.StatementId));
    expect(Math.max(...names.map((name) => name.length))).toBe(64);
  });

  test.each([undefined, null])("that is %s is the default", (nothing) => {
    const settings = settingsOf(given({ expectedRuns: nothing, jwt: nothing, name: nothing }), "Lastbeat");
    expect(settings).toEqual(settingsOf({}, "Lastbeat"));
  });

  test("is there for everything that nobody has set", () => {
    expect(settingsOf({}, "Jobs")).toEqual({
      name: "Jobs",
      expectedRuns: 1000,
      leaseSeconds: 120,
      sweepSeconds: 10,
      retentionDays: 30,
      frontDoors: ["http-api"],
      beatUrl: false,
      trustRunners: false,
      observability: "alarms",
      logLevel: "INFO",
      logRetentionDays: 30,
      keyRotationDays: 90,
      removalPolicy: "retain",
      forwarderAccounts: [],
      accessLogs: false,
      ownerPrincipals: [],
      anonymousOwners: false,
      reservedConcurrency: {},
      requeueVisibilitySeconds: 60,
      clusters: [],
      webhooks: [],
      orchestrators: [],
    });
  });
});
