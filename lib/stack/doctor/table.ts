import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
} from "@aws-sdk/client-dynamodb";
import { CONTROL, TABLE } from "../../names.ts";
import { isNamed } from "../refusal.ts";
import { clientSettings } from "../settings.ts";
import { outputOf } from "../stack.ts";
import type { Bench, Check } from "./checks.ts";
import { type Finding, ok, problem } from "./finding.ts";

const open = ({ stack, settings }: Bench) => ({
  client: new DynamoDBClient(clientSettings(settings)),
  TableName: outputOf(stack, "table"),
});

const table: Check = {
  name: "table",
  needs: "dynamodb:DescribeTable",
  look: async (bench) => {
    const { client, TableName } = open(bench);
    const found = await client.send(new DescribeTableCommand({ TableName })).catch((error: unknown) => {
      if (isNamed(error, /^ResourceNotFoundException$/)) return undefined;
      throw error;
    });
    if (found === undefined)
      return [
        problem("table", `there is no table ${TableName}`, "restore it from a backup, or deploy the stack again"),
      ];
    const { TableStatus: status = "unknown", DeletionProtectionEnabled: isProtected = false } = found.Table ?? {};
    return [
      status === "ACTIVE" || status === "UPDATING" // a table can be used during an update
        ? ok("table", `${TableName} is ${status}`)
        : problem("table", `${TableName} is ${status}`, "check it in DynamoDB: nothing works without it"),
      isProtected
        ? ok("deletion protection", "is on")
        : problem(
            "deletion protection",
            "is off: one call with the permission for it deletes all runs",
            `run aws dynamodb update-table --table-name ${TableName} --deletion-protection-enabled`,
          ),
    ];
  },
};

const timeToLive: Check = {
  name: "time to live",
  needs: "dynamodb:DescribeTimeToLive",
  look: async (bench) => {
    const { client, TableName } = open(bench);
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
    const { TimeToLiveStatus: status = "DISABLED", AttributeName: on } = TimeToLiveDescription ?? {};
    // Enabling takes up to an hour, and that is not a problem.
    if ((status === "ENABLED" || status === "ENABLING") && on === TABLE.ttl) return [ok("time to live", `on ${on}`)];
    const says = on === undefined || on === TABLE.ttl ? `is ${status}` : `is on ${on} and not on ${TABLE.ttl}`;
    const why = "ended runs are kept for ever, and cost money";
    return [problem("time to live", `${says}: ${why}`, `enable it on the attribute ${TABLE.ttl} of ${TableName}`)];
  },
};

/**
 * Sweeps that find nothing due are recorded once a minute, by the first sweep after it: at the longest period every two
 * minutes.
 */
const SWEEP_LATE_MS = 180_000;
/** The canary beats every minute. After this time three beats have not cleared the failure, or no beats were sent. */
const CANARY_MS = 180_000;

const FIX_SWEEP = "check the errors and throttles of the Lambdas ticker and sweep, and that their rule is enabled";
const FIX_CANARY = "check the errors of the front door, and the throttles of the Lambdas behind it";

const sweep: Check = {
  name: "last sweep",
  needs: "dynamodb:GetItem",
  look: async (bench) => {
    const { client, TableName } = open(bench);
    const Key = { [TABLE.partitionKey]: { S: CONTROL.partition }, [TABLE.sortKey]: { S: CONTROL.sort } };
    const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    const instantOf = (attribute: string): number => Number(Item?.[attribute]?.N ?? Number.NaN);
    const now = bench.clock();
    return [lastSweep(instantOf(CONTROL.lastSweep), now), canary(instantOf(CONTROL.canaryFailed), now)];
  },
};

function lastSweep(at: number, now: number): Finding {
  if (Number.isNaN(at)) return problem("last sweep", "no sweep has begun yet: lost runs are not found", FIX_SWEEP);
  const says = `began ${Math.max(0, Math.round((now - at) / 1000))} s ago`;
  return now - at > SWEEP_LATE_MS
    ? problem("last sweep", `${says}: lost runs are not found`, FIX_SWEEP)
    : ok("last sweep", says);
}

function canary(failedAt: number, now: number): Finding {
  if (Number.isNaN(failedAt)) return ok("canary", "has never failed");
  const ago = Math.max(0, Math.round((now - failedAt) / 1000));
  return now - failedAt <= CANARY_MS
    ? problem("canary", `failed ${ago} s ago: verdicts by the clock are frozen`, FIX_CANARY)
    : ok("canary", `failed ${Math.round(ago / 60)} min ago, and not since then`);
}

/** Checks of the table, and of its control item, which records the sweeps and the canary. */
export const TABLE_CHECKS: readonly Check[] = [table, timeToLive, sweep];
