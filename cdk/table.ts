import { RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, Billing, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Construct } from "constructs";
import { TABLE } from "../lib/names.ts";
import { BEAT_SECONDS, type Settings } from "./settings.ts";

/** A new on-demand table takes 4,000 writes a second at once; more has to be warmed up before it comes. */
const WARM_AT_FIRST = { writes: 4000, reads: 12_000 };

/** The one table, on demand, without an index. */
export class Table extends Construct {
  readonly table: TableV2;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    const isKept = settings.removalPolicy === "retain";
    // Three times the beats that are expected: after an outage a whole fleet comes back at once.
    const writes = Math.ceil((3 * settings.expectedRuns) / BEAT_SECONDS);
    this.table = new TableV2(this, "Table", {
      partitionKey: { name: TABLE.partitionKey, type: AttributeType.STRING },
      sortKey: { name: TABLE.sortKey, type: AttributeType.STRING },
      timeToLiveAttribute: TABLE.ttl,
      billing: Billing.onDemand(),
      ...(writes > WARM_AT_FIRST.writes && {
        warmThroughput: { writeUnitsPerSecond: writes, readUnitsPerSecond: WARM_AT_FIRST.reads },
      }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: isKept,
      removalPolicy: isKept ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}
