import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { dynamoControl } from "../../lib/adapters/aws/control.ts";
import { dynamoEndedRuns } from "../../lib/adapters/aws/ended-runs.ts";
import { dynamoHosts } from "../../lib/adapters/aws/hosts.ts";
import { textOf } from "../../lib/adapters/aws/item.ts";
import { dynamoOddities } from "../../lib/adapters/aws/oddities.ts";
import { dynamoLedger, dynamoResults, dynamoSpecs } from "../../lib/adapters/aws/records.ts";
import { dynamoRuns } from "../../lib/adapters/aws/runs.ts";
import { signedRuns } from "../../lib/adapters/aws/signed-runs.ts";
import type { Hosts } from "../../lib/ports/hosts.ts";
import type { EndedRuns, Ledger, Results, Specs } from "../../lib/ports/records.ts";
import type { Runs } from "../../lib/ports/runs.ts";
import { describeControl, type Operated } from "./control.ts";
import { describeEndedRuns } from "./ended-runs.ts";
import { type Engine, signedCallAt } from "./engines.ts";
import { describeHosts } from "./hosts.ts";
import { describeLedger } from "./ledger.ts";
import { describeOddities, type SeenOddities } from "./oddities.ts";
import { describeResults } from "./results.ts";
import { describeRuns } from "./runs.ts";
import { describeSpecs } from "./specs.ts";

/** How each port is opened on one engine. It is empty each time. */
export type Ports = {
  runs(): Promise<Runs>;
  specs(): Promise<Specs>;
  ledger(): Promise<Ledger>;
  results(): Promise<Results>;
  endedRuns(): Promise<EndedRuns>;
  hosts(): Promise<Hosts>;
  control(): Promise<Operated>;
  oddities(): Promise<SeenOddities>;
};

/** The adapters that Lambdas use, each on a table of its own. */
export const dynamoPorts = ({ table }: Engine): Ports => ({
  runs: async () => dynamoRuns(await table()),
  specs: async () => dynamoSpecs(await table()),
  ledger: async () => dynamoLedger(await table()),
  results: async () => dynamoResults(await table()),
  endedRuns: async () => dynamoEndedRuns(await table()),
  hosts: async () => dynamoHosts(await table()),
  control: async () => {
    const dynamo = await table();
    return {
      ...dynamoControl(dynamo),
      // A service whose settings ask for more has registered a run.
      use: (shards) => dynamoControl(dynamo, shards).shards(),
    };
  },
  oddities: async () => {
    const dynamo = await table();
    return {
      ...dynamoOddities(dynamo),
      seen: async () => {
        const { Items = [] } = await dynamo.client.send(
          new ScanCommand({ TableName: dynamo.table, ConsistentRead: true }),
        );
        return Items.map((item) => ({ text: textOf(item, "j"), why: textOf(item, "w") }));
      },
    };
  },
});

/**
 * The run items as the Lambda of beats reaches them. Beats are signed by hand, and everything else goes the usual way.
 */
export const signedByHand = ({ endpoint, table }: Engine): Pick<Ports, "runs"> => ({
  runs: async () => {
    const dynamo = await table();
    return { ...dynamoRuns(dynamo), ...signedRuns(signedCallAt(endpoint), dynamo.table) };
  },
});

/** Every suite of this folder, so that every engine has to pass all of them. */
export function describePorts(name: string, ports: Ports): void {
  describeRuns(name, ports.runs);
  describeSpecs(name, ports.specs);
  describeLedger(name, ports.ledger);
  describeResults(name, ports.results);
  describeEndedRuns(name, ports.endedRuns);
  describeHosts(name, ports.hosts);
  describeControl(name, ports.control);
  describeOddities(name, ports.oddities);
}
