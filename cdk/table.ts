import { Annotations, RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, Billing, type CfnGlobalTable, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Construct } from "constructs";
import { TABLE } from "../lib/names.ts";
import { beatsPerSecond, type Settings } from "./settings.ts";

/** The writes per second that every new on-demand table accepts. */
const WARM_AT_FIRST = 4000;

/** The only table, on demand, without an index. */
export class Table extends Construct {
  readonly table: TableV2;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    const isKept = settings.removalPolicy === "retain";
    const { warmWrites, kmsKeyArn } = settings;
    // After an outage a whole fleet comes back at once.
    const writes = Math.ceil(3 * beatsPerSecond(settings));
    if (writes > (warmWrites ?? WARM_AT_FIRST))
      Annotations.of(this).addWarningV2(
        "lastbeat:warmWrites",
        `${writes} writes a second may come at once, but a new table accepts only ${warmWrites ?? WARM_AT_FIRST}: raise warmWrites`,
      );
    this.table = new TableV2(this, "Table", {
      partitionKey: { name: TABLE.partitionKey, type: AttributeType.STRING },
      sortKey: { name: TABLE.sortKey, type: AttributeType.STRING },
      timeToLiveAttribute: TABLE.ttl,
      billing: Billing.onDemand(),
      ...(warmWrites !== undefined && {
        warmThroughput: { writeUnitsPerSecond: warmWrites },
      }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: isKept,
      // Not RETAIN_ON_UPDATE_OR_DELETE: a first deployment that rolls back could not delete the protected table, and
      // would stop.
      removalPolicy: isKept ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    if (kmsKeyArn !== undefined) this.encryptWith(kmsKeyArn);
  }

  /** The library's construct does this only if the region is known before the deployment. */
  private encryptWith(keyArn: string): void {
    const bare = this.table.node.defaultChild as CfnGlobalTable;
    bare.sseSpecification = { sseEnabled: true, sseType: "KMS" };
    bare.addPropertyOverride("Replicas.0.SSESpecification.KMSMasterKeyId", keyArn);
  }
}
