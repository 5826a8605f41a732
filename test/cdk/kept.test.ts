import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { MAX_RECEIVES, OUTPUTS, TABLE, TICK_RETENTION_SECONDS } from "../../lib/names.ts";
import { environmentOf, idOf, outputOf, resourcesOf, templateOf, type Value } from "./synthesis.ts";

const TEMPLATE = templateOf();
const DESTROYED = templateOf({ removalPolicy: "destroy" });

type Queue = {
  readonly SqsManagedSseEnabled?: boolean;
  readonly MessageRetentionPeriod?: number;
  readonly RedrivePolicy?: { readonly deadLetterTargetArn: Value; readonly maxReceiveCount: number };
};
type Statement = {
  readonly Effect: string;
  readonly Action: unknown;
  readonly Principal: unknown;
  readonly Condition?: unknown;
};
type QueuePolicy = {
  readonly Queues: readonly Value[];
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
};

const QUEUES = resourcesOf<Queue>(TEMPLATE, "AWS::SQS::Queue");
const told = (name: string): string => idOf(outputOf(TEMPLATE, name));
const REQUEUE = told(OUTPUTS.requeueQueue);
const REQUEUE_DEAD = told(OUTPUTS.requeueDeadLetters);
const NOTICE = told(OUTPUTS.noticeQueue);
const NOTICE_DEAD = told(OUTPUTS.noticeDeadLetters);
const TICK = idOf(environmentOf(TEMPLATE, "ticker")["LASTBEAT_TICK_QUEUE_URL"]);
const SECRET = idOf(environmentOf(TEMPLATE, "beat")["LASTBEAT_KEYS_SECRET"]);

describe("the table", () => {
  test("bills on demand, forgets by the attribute that the adapters write, and can be restored to any second", () => {
    TEMPLATE.hasResourceProperties("AWS::DynamoDB::GlobalTable", {
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [
        { AttributeName: TABLE.partitionKey, KeyType: "HASH" },
        { AttributeName: TABLE.sortKey, KeyType: "RANGE" },
      ],
      TimeToLiveSpecification: { AttributeName: "t", Enabled: true },
      Replicas: [Match.objectLike({ PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } })],
    });
  });

  test("cannot be deleted by mistake, unless it is a trial", () => {
    const isProtected = (value: boolean): object => ({
      Replicas: [Match.objectLike({ DeletionProtectionEnabled: value })],
    });
    TEMPLATE.hasResourceProperties("AWS::DynamoDB::GlobalTable", isProtected(true));
    DESTROYED.hasResourceProperties("AWS::DynamoDB::GlobalTable", isProtected(false));
  });

  test("is the only one, and has no index", () => {
    TEMPLATE.resourceCountIs("AWS::DynamoDB::GlobalTable", 1);
    TEMPLATE.hasResourceProperties("AWS::DynamoDB::GlobalTable", { GlobalSecondaryIndexes: Match.absent() });
  });
});

describe("what outlives the stack", () => {
  const policiesIn = (template: typeof TEMPLATE): Readonly<Record<string, unknown>> =>
    Object.fromEntries(
      ["AWS::DynamoDB::GlobalTable", "AWS::SQS::Queue", "AWS::SecretsManager::Secret"].flatMap((type) =>
        [...resourcesOf(template, type)].map(([id, { DeletionPolicy, UpdateReplacePolicy }]) => [
          id,
          [DeletionPolicy, UpdateReplacePolicy],
        ]),
      ),
    );
  const table = told(OUTPUTS.table);
  const kept = ["Retain", "Retain"];
  /** A first deployment that rolls back leaves none behind. */
  const keptOnceMade = ["RetainExceptOnCreate", "Retain"];
  const gone = ["Delete", "Delete"];

  test("is the table, the keys, and the requeues with their dead letters", () => {
    expect(policiesIn(TEMPLATE)).toEqual({
      [table]: kept,
      [SECRET]: keptOnceMade,
      [REQUEUE]: keptOnceMade,
      [REQUEUE_DEAD]: keptOnceMade,
      [NOTICE]: gone,
      [NOTICE_DEAD]: gone,
      [TICK]: gone,
    });
  });

  test("is nothing when everything is to be destroyed", () => {
    expect(policiesIn(DESTROYED)).toEqual(
      Object.fromEntries([table, SECRET, REQUEUE, REQUEUE_DEAD, NOTICE, NOTICE_DEAD, TICK].map((id) => [id, gone])),
    );
  });
});

describe("every queue", () => {
  const policies = [...resourcesOf<QueuePolicy>(TEMPLATE, "AWS::SQS::QueuePolicy").values()].map(
    ({ Properties }) => [idOf(Properties.Queues[0]), Properties.PolicyDocument.Statement] as const,
  );

  test("is encrypted", () => {
    expect([...QUEUES.values()].filter(({ Properties }) => Properties.SqsManagedSseEnabled !== true)).toEqual([]);
  });

  test("refuses plain HTTP", () => {
    const refusing = policies.filter(([, statements]) =>
      statements.some(
        ({ Effect, Action, Principal, Condition }) =>
          Effect === "Deny" &&
          Action === "sqs:*" &&
          JSON.stringify(Principal) === '{"AWS":"*"}' &&
          JSON.stringify(Condition) === '{"Bool":{"aws:SecureTransport":"false"}}',
      ),
    );
    expect(refusing.map(([id]) => id).sort()).toEqual([...QUEUES.keys()].sort());
  });

  test("has a policy that SQS takes: 20 statements, 10 of them with a condition", () => {
    for (const [id, statements] of policies) {
      expect([id, statements.length <= 20]).toEqual([id, true]);
      expect([id, statements.filter(({ Condition }) => Condition !== undefined).length <= 10]).toEqual([id, true]);
    }
  });
});

describe("dead letters", () => {
  const redriveOf = (id: string): Queue["RedrivePolicy"] => QUEUES.get(id)?.Properties.RedrivePolicy;

  test.each([
    ["requeues", REQUEUE, REQUEUE_DEAD],
    ["notices", NOTICE, NOTICE_DEAD],
  ])("of %s come after five receives, and are kept as long as SQS keeps anything", (_, queue, deadLetters) => {
    const { deadLetterTargetArn, maxReceiveCount } = redriveOf(queue) ?? {};
    expect([idOf(deadLetterTargetArn), maxReceiveCount]).toEqual([deadLetters, MAX_RECEIVES]);
    expect(QUEUES.get(deadLetters)?.Properties.MessageRetentionPeriod).toBe(14 * 24 * 3600);
  });

  test("of ticks there are none: a tick expires after two minutes", () => {
    expect(redriveOf(TICK)).toBeUndefined();
    expect(QUEUES.get(TICK)?.Properties.MessageRetentionPeriod).toBe(TICK_RETENTION_SECONDS);
    expect(TICK_RETENTION_SECONDS).toBe(120);
  });
});

describe("the secret", () => {
  test("is made by Secrets Manager, as what the first rotation reads", () => {
    TEMPLATE.hasResourceProperties("AWS::SecretsManager::Secret", {
      GenerateSecretString: Match.objectLike({
        SecretStringTemplate: "{}",
        GenerateStringKey: "initial",
        PasswordLength: 64,
      }),
      SecretString: Match.absent(),
    });
  });

  test("is rotated every 90 days, by schedule and not with the deployment", () => {
    TEMPLATE.hasResourceProperties("AWS::SecretsManager::RotationSchedule", {
      RotationRules: { AutomaticallyAfterDays: 90 },
      RotateImmediatelyOnUpdate: false,
    });
  });

  test("is rotated by nobody when its settings say 0 days", () => {
    templateOf({ keyRotationDays: 0 }).resourceCountIs("AWS::SecretsManager::RotationSchedule", 0);
  });
});
