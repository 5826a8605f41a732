import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { digest } from "../../digest.ts";
import { PREFIX, TABLE } from "../../names.ts";
import type { Oddities } from "../../ports/records.ts";
import type { Dynamo } from "./dynamo.ts";
import { keyOf, text, ttl } from "./item.ts";

/** An event of AWS has at most 256 KiB. Its beginning is enough to see what it was, and costs 8 write units. */
const KEPT = 8000;

/** One item per day and content, so the same odd event again changes nothing. */
export const dynamoOddities = ({ client, table }: Dynamo): Oddities => ({
  keep: async (odd, why, at, expiry) => {
    const day = new Date(at).toISOString().slice(0, "yyyy-mm-dd".length);
    const id = digest(odd);
    const Item = {
      ...keyOf(`${PREFIX.oddities}${day}`, id),
      j: text(odd.slice(0, KEPT)),
      w: text(why),
      [TABLE.ttl]: ttl(expiry),
    };
    await client.send(new PutItemCommand({ TableName: table, Item }));
  },
});
