import type { ServiceOutputTypes } from "@aws-sdk/client-dynamodb";
import type { Dynamo } from "../../lib/aws/dynamo.ts";

/** One request that left the client. `capacity` is what the engine took for it; it tells nothing of a refused write. */
export type Sent = {
  readonly command: string;
  readonly partition: string;
  readonly isConsistent: boolean;
  readonly capacity: number | undefined;
};

type Input = {
  readonly Key?: Readonly<Record<string, { readonly S?: string }>>;
  readonly Item?: Readonly<Record<string, { readonly S?: string }>>;
  readonly ExpressionAttributeValues?: Readonly<Record<string, { readonly S?: string }>>;
  readonly ConsistentRead?: boolean;
};

const partitionOf = ({ Key, Item, ExpressionAttributeValues }: Input): string =>
  (Key ?? Item)?.["p"]?.S ?? ExpressionAttributeValues?.[":p"]?.S ?? "";

function capacityOf(output: ServiceOutputTypes | undefined): number | undefined {
  const taken = output !== undefined && "ConsumedCapacity" in output ? output.ConsumedCapacity : undefined;
  return taken !== undefined && "CapacityUnits" in taken ? taken.CapacityUnits : undefined;
}

/** Writes down each request that leaves the client from now on, retries too. */
export function metered({ client }: Dynamo): Sent[] {
  const sent: Sent[] = [];
  client.middlewareStack.add(
    (next) => (args) => next({ ...args, input: Object.assign(args.input, { ReturnConsumedCapacity: "TOTAL" }) }),
    { step: "initialize" },
  );
  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      async (args) => {
        const input = args.input as Input;
        const asked = {
          command: commandName,
          partition: partitionOf(input),
          isConsistent: input.ConsistentRead === true,
        };
        try {
          const answer = await next(args);
          sent.push({ ...asked, capacity: capacityOf(answer.output) });
          return answer;
        } catch (error) {
          sent.push({ ...asked, capacity: undefined });
          throw error;
        }
      },
    { step: "deserialize", priority: "high" },
  );
  return sent;
}

const isRead = ({ command }: Sent): boolean => command === "GetItemCommand" || command === "QueryCommand";

/**
 * What AWS bills for these requests. A read costs at least its minimum, also where the engine says 0 because nothing was
 * found; a write that its guard refused costs one unit (developer guide, "Working with items").
 */
export function billed(sent: readonly Sent[]): { readonly writes: number; readonly reads: number } {
  let writes = 0;
  let reads = 0;
  for (const each of sent)
    if (isRead(each)) reads += Math.max(each.capacity ?? 0, each.isConsistent ? 1 : 0.5);
    else writes += each.capacity ?? 1;
  return { writes, reads };
}

/** The queries over the shards, which every sweep sends, whatever it finds. */
export const isOfPass = ({ command, partition }: Sent): boolean =>
  command === "QueryCommand" && partition.startsWith("L#");
