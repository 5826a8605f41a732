import { ConditionalCheckFailedException, DescribeTableCommand } from "@aws-sdk/client-dynamodb";
import type { Dynamo } from "../../lib/adapters/aws/dynamo.ts";
import { Refused, type SignedCall } from "../../lib/adapters/aws/signed-call.ts";
import {
  itemBytes,
  type MeteredItem,
  readUnits,
  refusedWriteUnits,
  writeUnits,
} from "../../lib/cost/dynamodb-units.ts";
import { clientAt, type Engine, signedCallAt } from "../contract/engines.ts";

/** One request that left the client, and what AWS bills for it by the rules of lib/cost/dynamodb-units.ts. */
export type Sent = {
  readonly command: string;
  readonly partition: string;
  /** WRU and RRU. The table has no index. */
  readonly writes: number;
  readonly reads: number;
  /** What the engine says that it took; it says nothing of a refused write. */
  readonly said: number | undefined;
};

type Input = {
  readonly TableName?: string;
  readonly Key?: MeteredItem;
  readonly Item?: MeteredItem;
  readonly ExpressionAttributeValues?: MeteredItem;
  readonly ConsistentRead?: boolean;
};

const partitionOf = ({ Key, Item, ExpressionAttributeValues }: Input): string =>
  (Key ?? Item)?.["p"]?.S ?? ExpressionAttributeValues?.[":p"]?.S ?? "";

function saidBy(output: object | undefined): number | undefined {
  const { ConsumedCapacity } = (output ?? {}) as { readonly ConsumedCapacity?: { readonly CapacityUnits?: number } };
  return ConsumedCapacity?.CapacityUnits;
}

/** Bytes of the item that a call is about, looked up beside what is metered; 0 when there is none. */
async function sizeOf(look: SignedCall, { TableName, Key, Item }: Input): Promise<number> {
  const [p, s] = [(Key ?? Item)?.["p"], (Key ?? Item)?.["s"]];
  const found = (await look("GetItem", { TableName, Key: { p, s }, ConsistentRead: true })) as { Item?: MeteredItem };
  return found.Item === undefined ? 0 : itemBytes(found.Item);
}

/** Bytes of everything that a query went over: DynamoDB bills what it has read, not what it brings. */
async function queriedBytes(look: SignedCall, input: Input): Promise<number> {
  const { ProjectionExpression: _, ...whole } = input as Input & { ProjectionExpression?: string };
  const { Items = [] } = (await look("Query", whole)) as { Items?: readonly MeteredItem[] };
  return Items.reduce((bytes, item) => bytes + itemBytes(item), 0);
}

const READS: ReadonlySet<string> = new Set(["GetItemCommand", "QueryCommand"]);
const WRITES: ReadonlySet<string> = new Set(["PutItemCommand", "UpdateItemCommand", "DeleteItemCommand"]);

/** The guard of a write has refused it, as the SDK says that, and the client that signs by hand. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ConditionalCheckFailedException ||
  (error instanceof Refused && error.kind === "ConditionalCheckFailedException");

type Request<T> = {
  readonly command: string;
  readonly input: Input;
  send(): Promise<T>;
  /** What the engine says in its answer that it took. */
  said(answer: T): number | undefined;
};

/** Sends one request and writes it down, with what AWS bills for it. `look`: beside what is metered. */
async function counted<T>(look: SignedCall, sent: Sent[], { command, input, send, said }: Request<T>): Promise<T> {
  const asked = { command, partition: partitionOf(input) };
  if (READS.has(command)) {
    const bytes = await (command === "QueryCommand" ? queriedBytes : sizeOf)(look, input);
    const answer = await send();
    sent.push({ ...asked, writes: 0, reads: readUnits(bytes, input.ConsistentRead === true), said: said(answer) });
    return answer;
  }
  if (!WRITES.has(command)) throw new Error(`the meter has no rule for ${command}`);
  const before = await sizeOf(look, input);
  try {
    const answer = await send();
    sent.push({ ...asked, writes: writeUnits(before, await sizeOf(look, input)), reads: 0, said: said(answer) });
    return answer;
  } catch (error) {
    if (isRefusal(error)) sent.push({ ...asked, writes: refusedWriteUnits(before), reads: 0, said: undefined });
    throw error;
  }
}

/** A new table, reached by a client of its own; and what leaves that client. */
export type Metered = { readonly dynamo: Dynamo; readonly sent: Sent[] };

/**
 * Writes down each request that leaves the client, retries too, with what AWS bills for it: the sizes of items are looked up
 * before and after each, so the engine need not know how to count.
 */
export async function metered({ endpoint, table }: Engine): Promise<Metered> {
  const client = clientAt(endpoint);
  const sent: Sent[] = [];
  const look = signedCallAt(endpoint);
  client.middlewareStack.add(
    (next) => (args) => next({ ...args, input: Object.assign(args.input, { ReturnConsumedCapacity: "TOTAL" }) }),
    { step: "initialize" },
  );
  client.middlewareStack.add(
    (next, { commandName: command = "" }) =>
      (args) =>
        counted(look, sent, {
          command,
          input: args.input as Input,
          send: () => next(args),
          said: ({ output }) => saidBy(output),
        }),
    { step: "deserialize", priority: "high" },
  );
  const { client: plain, table: TableName } = await table();
  const { Table } = await plain.send(new DescribeTableCommand({ TableName }));
  if (Table?.GlobalSecondaryIndexes !== undefined || Table?.LocalSecondaryIndexes !== undefined)
    throw new Error("the meter counts no index, and the table has one");
  return { dynamo: { client, table: TableName }, sent };
}

/** The same for calls that are signed by hand, such as those of the Lambda of beats. */
export function meteredCall(endpoint: string, sent: Sent[]): SignedCall {
  const call = signedCallAt(endpoint);
  return (operation, input) =>
    counted(call, sent, {
      command: `${operation}Command`,
      input,
      send: () => call(operation, { ...input, ReturnConsumedCapacity: "TOTAL" }),
      said: (answer) => saidBy(answer),
    });
}

/** What these requests take in all. */
export function billed(sent: readonly Sent[]): { readonly writes: number; readonly reads: number } {
  let [writes, reads] = [0, 0];
  for (const each of sent) {
    writes += each.writes;
    reads += each.reads;
  }
  return { writes, reads };
}

/** The queries over the shards, which every sweep sends, whatever it finds. */
export const isOfPass = ({ command, partition }: Sent): boolean =>
  command === "QueryCommand" && partition.startsWith("L#");
