import { PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { before, type Instant, instant, seconds } from "../../core/time.ts";
import { PREFIX, TABLE } from "../../names.ts";
import type { EndedRun, EndedRuns } from "../../ports/records.ts";
import { iso } from "../../wire/instants.ts";
import { type Dynamo, guarded } from "./dynamo.ts";
import { json, jsonOf, keyOf, number, text, textOf, ttl } from "./item.ts";

const HOUR = seconds(3600);

/** A partition takes 1,000 writes a second, so the ends of one hour are spread over eight partitions. */
const BUCKETS = 8;

/** Two days per call are 384 small queries, which take a second or two. The cursor goes on from there. */
const HOURS_A_CALL = 48;

const hourOf = (at: Instant): string => iso(at).slice(0, "yyyy-mm-ddThh".length);
const partition = (hour: string, bucket: number): string => `${PREFIX.endedRuns}${hour}#${bucket}`;
const sortKey = ({ endedAt, run }: EndedRun): string => `${iso(endedAt)}#${run}`;

/** Any spread will do, as long as a run lands in the same bucket when it is written again. */
const bucketOf = (run: string): number => [...run].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % BUCKETS;

export function dynamoEndedRuns({ client, table }: Dynamo): EndedRuns {
  const bucketBefore = async (
    hour: string,
    bucket: number,
    limit: number,
    cursor: string,
  ): Promise<[string, EndedRun][]> => {
    const { Items = [] } = await client.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: `${TABLE.partitionKey} = :p AND ${TABLE.sortKey} < :cursor`,
        ExpressionAttributeValues: { ":p": text(partition(hour, bucket)), ":cursor": text(cursor) },
        ScanIndexForward: false,
        Limit: limit,
      }),
    );
    return Items.map((item) => [textOf(item, TABLE.sortKey), jsonOf(item, "j") as EndedRun]);
  };

  return {
    add: (ended, rev, expiry) => {
      const key = keyOf(partition(hourOf(ended.endedAt), bucketOf(ended.run)), sortKey(ended));
      return guarded(() =>
        client.send(
          new PutItemCommand({
            TableName: table,
            Item: { ...key, j: json(ended), r: number(rev), [TABLE.ttl]: ttl(expiry) },
            ConditionExpression: "attribute_not_exists(r) OR r < :rev",
            ExpressionAttributeValues: { ":rev": number(rev) },
          }),
        ),
      );
    },
    list: async (now, since, limit, cursor) => {
      const latest = `${iso(instant(now + 1))}#`;
      const start = cursor === undefined || cursor > latest ? latest : cursor;
      const from = `${iso(since)}#`;
      const found: [string, EndedRun][] = [];
      let hour = instant(Date.parse(`${start.slice(0, "yyyy-mm-ddThh".length)}:00:00.000Z`));
      const isPast = (): boolean => iso(instant(hour + HOUR - 1)) < iso(since);
      for (let looked = 0; looked < HOURS_A_CALL && !isPast() && found.length <= limit; looked += 1) {
        const buckets = await Promise.all(
          Array.from({ length: BUCKETS }, (_, bucket) => bucketBefore(hourOf(hour), bucket, limit + 1, start)),
        );
        found.push(...buckets.flat().sort(([one], [other]) => (one < other ? 1 : -1)));
        hour = before(hour, HOUR);
      }
      const within = found.filter(([key]) => key >= from);
      const page = within.slice(0, limit);
      const last = within.length > limit ? page.at(-1)?.[0] : isPast() ? undefined : `${iso(instant(hour + HOUR))}#`;
      return { runs: page.map(([, run]) => run), ...(last !== undefined && { cursor: last }) };
    },
  };
}
