import { Annotations, RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, Billing, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Construct } from "constructs";
import { TABLE } from "../lib/names.ts";
import { beatsPerSecond, type Settings } from "./settings.ts";

/** What every new on-demand table takes at once. */
const WARM_AT_FIRST = { writes: 4000, reads: 12_000 };

/** The one table, on demand, without an index. */
export class Table extends Construct {
  readonly table: TableV2;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    const isKept = settings.removalPolicy === "retain";
    const { warmWrites } = settings;
    // After an outage a whole fleet comes back at once.
    const writes = Math.ceil(3 * beatsPerSecond(settings));
    if (writes > (warmWrites ?? WARM_AT_FIRST.writes))
      Annotations.of(this).addWarningV2(
        "lastbeat:warmWrites",
        `${writes} writes a second may come at one blow, and a new table takes ${warmWrites ?? WARM_AT_FIRST.writes}: warmWrites raises that, once`,
      );
    this.table = new TableV2(this, "Table", {
      partitionKey: { name: TABLE.partitionKey, type: AttributeType.STRING },
      sortKey: { name: TABLE.sortKey, type: AttributeType.STRING },
      timeToLiveAttribute: TABLE.ttl,
      billing: Billing.onDemand(),
      ...(warmWrites !== undefined && {
        warmThroughput: { writeUnitsPerSecond: warmWrites, readUnitsPerSecond: WARM_AT_FIRST.reads },
      }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: isKept,
      removalPolicy: isKept ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}
