import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type App, Stack, Validations } from "aws-cdk-lib";
import { Vpc } from "aws-cdk-lib/aws-ec2";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LastbeatForwarder } from "../../cdk/forwarder.ts";
import { Lastbeat } from "../../cdk/lastbeat.ts";
import type { LastbeatProps } from "../../cdk/settings.ts";
import { anApp, stackOf } from "./synthesis.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

type Violation = {
  readonly ruleName: string;
  readonly violatingConstructs: readonly { readonly constructPath: string }[];
  readonly acknowledgedId?: string;
  readonly acknowledgedAt?: string;
};
type Report = {
  readonly pluginReports: readonly {
    readonly pluginName: string;
    readonly violations: readonly Violation[];
    readonly suppressedViolations?: readonly Violation[];
  }[];
};

/** What was found, as `rule at path`; and the acknowledgements that something was found for, as `rule at path`. */
type Findings = {
  readonly packs: readonly string[];
  readonly open: readonly string[];
  readonly acknowledged: readonly string[];
};

/** Synthesizes the app as cdk/app.ts does, with the rule packs. Synthesis throws when they find something, after its report. */
function findingsIn(app: App): Findings {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  const file = join(app.outdir, "validation-report.json");
  try {
    app.synth();
  } catch (error) {
    if (!existsSync(file)) throw error;
  }
  const { pluginReports } = JSON.parse(readFileSync(file, "utf8")) as Report;
  return {
    packs: pluginReports.map(({ pluginName }) => pluginName),
    open: pluginReports.flatMap(({ violations }) =>
      violations.flatMap(({ ruleName, violatingConstructs }) =>
        violatingConstructs.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
      ),
    ),
    acknowledged: pluginReports.flatMap(({ suppressedViolations = [] }) =>
      suppressedViolations.map((each) => `${each.acknowledgedId} at ${each.acknowledgedAt}`),
    ),
  };
}

/** Every acknowledgement in the tree, as `rule at path`. */
const acknowledgements = (app: App): readonly string[] =>
  app.node
    .findAll()
    .flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) => Object.keys(data as object).map((id) => `${id} at ${node.path}`)),
    );

const oneOf = (props: LastbeatProps): App => {
  const app = anApp();
  stackOf(props, app);
  return app;
};

function inNetwork(): App {
  const app = anApp();
  const stack = new Stack(app, "Embedding");
  const vpc = Vpc.fromVpcAttributes(stack, "Vpc", {
    vpcId: "vpc-0123456789abcdef0",
    availabilityZones: ["eu-central-1a"],
    privateSubnetIds: ["subnet-0123456789abcdef0"],
  });
  new Lastbeat(stack, "Lastbeat", { vpc });
  return app;
}

function aForwarder(): App {
  const app = anApp();
  new LastbeatForwarder(app, "LastbeatForwarder", {
    busArn: "arn:aws:events:eu-central-1:123456789012:event-bus/default",
  });
  return app;
}

const JWT = { issuer: "https://oidc.example.com/id/1", audience: ["lastbeat"] };

/** What organizations ask for: their own key, logs, a web ACL, no public way in. */
const GUARDED: LastbeatProps = {
  frontDoors: ["rest-api"],
  restApi: {
    vpcEndpointIds: ["vpce-0123456789abcdef0"],
    webAclArn: "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/a/1",
  },
  network: {
    vpcId: "vpc-0123456789abcdef0",
    subnetIds: ["subnet-0123456789abcdef0"],
    securityGroupIds: ["sg-0123456789abcdef0"],
  },
  kmsKeyArn: "arn:aws:kms:eu-central-1:123456789012:key/1a2b3c4d-0000-4000-8000-000000000000",
  accessLogs: true,
  clusters: [{ name: "prod" }],
  webhooks: [
    { name: "ci", url: "https://ci.example" },
    { name: "cd", url: "https://cd.example" },
  ],
  orchestrators: [{ kind: "prefect", name: "prod", url: "https://prefect.example/api" }],
  jwt: [JWT, { ...JWT, issuer: "https://oidc.example.com/id/2" }],
};

const VARIANTS: Readonly<Record<string, () => App>> = {
  "as it is by default": () => oneOf({}),
  "with everything": () => oneOf({ frontDoors: ["http-api", "rest-api"], beatUrl: true, observability: "full" }),
  "without rotation": () => oneOf({ keyRotationDays: 0 }),
  "with an issuer of tokens": () => oneOf({ jwt: JWT }),
  "in a VPC": inNetwork,
  "in an account with guardrails": () => oneOf(GUARDED),
  "with owners and forwarders of other accounts": () =>
    oneOf({ ownerPrincipals: ["111122223333"], forwarderOrganization: "o-a1b2c3d4e5" }),
  "that forwards": aForwarder,
};

describe("the rule packs", () => {
  test.each(Object.entries(VARIANTS))(
    "find nothing in a deployment %s that nobody has answered for, and everything that somebody has",
    (_, make) => {
      const app = make();
      const { packs, open, acknowledged } = findingsIn(app);
      expect(packs).toEqual(expect.arrayContaining(["AwsSolutions", "Serverless"]));
      expect(open).toEqual([]);
      const given = acknowledgements(app);
      expect(given).not.toEqual([]);
      expect(given.filter((each) => !acknowledged.includes(each))).toEqual([]);
    },
  );

  test("find a queue that takes plain HTTP, so they can fail", () => {
    const app = anApp();
    new Queue(stackOf({}, app), "Planted");
    vi.spyOn(console, "error").mockImplementation(() => {}); // the library prints the report that is read here
    expect(findingsIn(app).open).toContain("AwsSolutions-SQS4 at Lastbeat/Planted/Resource");
  });

  test("find no more what was answered for without need, so that can fail, too", () => {
    const app = anApp();
    const id = "AwsSolutions::AwsSolutions-SQS4";
    Validations.of(stackOf({}, app)).acknowledge({ id, reason: "planted" });
    expect(acknowledgements(app)).toContain(`${id} at Lastbeat`);
    expect(findingsIn(app).acknowledged).not.toContain(`${id} at Lastbeat`);
  });
});
