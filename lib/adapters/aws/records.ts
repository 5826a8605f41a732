import { GetItemCommand, PutItemCommand, QueryCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { EVIDENCE_KINDS, type Evidence, type EvidenceKind } from "../../core/evidence.ts";
import { asFence, type Fence, type LedgerEnd, type Result } from "../../core/run.ts";
import type { Registration } from "../../core/spec.ts";
import { type Instant, instant } from "../../core/time.ts";
import { PREFIX, TABLE } from "../../names.ts";
import type { Ledger, LedgerClaim, LedgerLine, Results, Specs } from "../../ports/records.ts";
import type { Write } from "../../ports/runs.ts";
import { type Dynamo, guarded } from "./dynamo.ts";
import { type Item, isExpired, json, jsonOf, keyOf, number, numberOf, text, textOf, ttl } from "./item.ts";
import { fromStored, toStored } from "./stored-names.ts";

const recordKey = (run: string): string => `${PREFIX.record}${run}`;

/**
 * The attributes of the records. In the ledger: `c` claim, `e` end, `g` charge, `r` rev, `z` late success, `w-<kind>`
 * what its runner or its target has told, `t-<kind>` its time. In a spec and a result: `j` the whole.
 */
const ABSENT = `attribute_not_exists(${TABLE.partitionKey})`;

/** A registration is written once, and reads back as the same text. */
const IS_SEEN = "j = :seen";

async function readItem({ client, table }: Dynamo, key: Item): Promise<Item | undefined> {
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }));
  return Item;
}

export function dynamoSpecs(dynamo: Dynamo): Specs {
  const { client, table } = dynamo;
  const specKey = (run: string): Item => keyOf(recordKey(run), "spec");
  return {
    read: async (run, now) => {
      const item = await readItem(dynamo, specKey(run));
      return item === undefined || isExpired(item, now) ? undefined : (jsonOf(item, "j") as Registration);
    },
    create: (registration) =>
      guarded(() =>
        client.send(
          new PutItemCommand({
            TableName: table,
            Item: { ...specKey(registration.run), j: json(registration) },
            ConditionExpression: `${ABSENT} OR ${TABLE.ttl} <= :now`,
            ExpressionAttributeValues: { ":now": number(Math.floor(registration.registeredAt / 1000)) },
          }),
        ),
      ),
    replace: (seen, registration) =>
      guarded(() =>
        client.send(
          new PutItemCommand({
            TableName: table,
            Item: { ...specKey(registration.run), j: json(registration) },
            ConditionExpression: IS_SEEN,
            ExpressionAttributeValues: { ":seen": json(seen) },
          }),
        ),
      ),
    expire: (registration, at) =>
      guarded(() =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: specKey(registration.run),
            UpdateExpression: `SET ${TABLE.ttl} = :ttl`,
            ConditionExpression: IS_SEEN,
            ExpressionAttributeValues: { ":ttl": ttl(at), ":seen": json(registration) },
          }),
        ),
      ),
  };
}

/** Twelve digits hold every Unix second until the year 33658, so the lines are sorted by fence. */
const lineSort = (of: Fence): string => `a#${String(of).padStart(12, "0")}`;
const lineKey = (run: string, of: Fence): Item => keyOf(recordKey(run), lineSort(of));

/** The attributes of a runner's evidence of this kind, and of its time. */
const wordOf = (kind: EvidenceKind): string => `w-${kind}`;
const toldOf = (kind: EvidenceKind): string => `t-${kind}`;

function lineOf(item: Item): LedgerLine {
  const words = EVIDENCE_KINDS.map(wordOf)
    .filter((name) => item[name] !== undefined)
    .map((name) => jsonOf(item, name) as Evidence);
  return {
    fence: asFence(Number(textOf(item, TABLE.sortKey).slice("a#".length))),
    ...(item["c"] !== undefined && { claim: jsonOf(item, "c") as LedgerClaim }),
    ...(item["e"] !== undefined && {
      end: { ...(fromStored(jsonOf(item, "e") as object) as LedgerEnd), charge: textOf(item, "g") },
    }),
    ...(words.length > 0 && { words }),
    ...(item["z"] !== undefined && { lateSuccessAt: instant(numberOf(item, "z")) }),
  };
}

export function dynamoLedger(dynamo: Dynamo): Ledger {
  const { client, table } = dynamo;
  const keepWord = (run: string, of: Fence, word: Evidence, guard: string, expiry?: Instant): Promise<Write> =>
    guarded(() =>
      client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: lineKey(run, of),
          UpdateExpression: `SET #w = :word, #t = :at${expiry === undefined ? "" : ", #ttl = :ttl"}`,
          ConditionExpression: guard,
          ExpressionAttributeNames: {
            "#w": wordOf(word.kind),
            "#t": toldOf(word.kind),
            ...(expiry !== undefined && { "#ttl": TABLE.ttl }),
          },
          ExpressionAttributeValues: {
            ":word": json(word),
            ":at": number(word.at),
            ...(expiry !== undefined && { ":ttl": ttl(expiry) }),
          },
        }),
      ),
    );
  return {
    claim: async (run, claim) => {
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: lineKey(run, claim.fence),
          UpdateExpression: "SET c = :claim",
          ExpressionAttributeValues: { ":claim": json(claim) },
        }),
      );
    },
    end: (run, end, charge, rev, expiry) =>
      guarded(() =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: lineKey(run, end.fence),
            UpdateExpression: `SET e = :end, g = :charge, r = :rev, ${TABLE.ttl} = :ttl`,
            ConditionExpression: "attribute_not_exists(r) OR r < :rev",
            ExpressionAttributeValues: {
              ":end": json(toStored(end)),
              ":charge": text(charge),
              ":rev": number(rev),
              ":ttl": ttl(expiry),
            },
          }),
        ),
      ),
    hear: (run, of, word) =>
      keepWord(run, of, word, `attribute_exists(${TABLE.partitionKey}) AND (attribute_not_exists(#t) OR #t < :at)`),
    refuse: (run, of, word, expiry) => keepWord(run, of, word, "attribute_not_exists(#t) OR #t < :at", expiry),
    noteLateSuccess: async (run, of, at) => {
      await guarded(() =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: lineKey(run, of),
            UpdateExpression: "SET z = :at",
            ConditionExpression: `attribute_exists(${TABLE.partitionKey})`,
            ExpressionAttributeValues: { ":at": number(at) },
          }),
        ),
      );
    },
    read: async (run, of) => {
      const item = await readItem(dynamo, lineKey(run, of));
      return item === undefined ? undefined : lineOf(item);
    },
    list: async (run, from) => {
      const lines: LedgerLine[] = [];
      let start: Item | undefined;
      do {
        const { Items = [], LastEvaluatedKey } = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: `${TABLE.partitionKey} = :p AND ${TABLE.sortKey} BETWEEN :from AND :to`,
            ExpressionAttributeValues: {
              ":p": text(recordKey(run)),
              ":from": text(lineSort(from)),
              ":to": text("a#:"), // ":" sorts after every digit
            },
            ConsistentRead: true,
            ...(start !== undefined && { ExclusiveStartKey: start }),
          }),
        );
        lines.push(...Items.map(lineOf));
        start = LastEvaluatedKey;
      } while (start !== undefined);
      return lines;
    },
  };
}

export function dynamoResults(dynamo: Dynamo): Results {
  const { client, table } = dynamo;
  const resultKey = (run: string): Item => keyOf(recordKey(run), "end");
  return {
    read: async (run: string, now: Instant) => {
      const item = await readItem(dynamo, resultKey(run));
      return item === undefined || isExpired(item, now)
        ? undefined
        : (fromStored(jsonOf(item, "j") as object) as Result);
    },
    write: (result, expiry) =>
      guarded(() =>
        client.send(
          new PutItemCommand({
            TableName: table,
            Item: {
              ...resultKey(result.run),
              j: json(toStored(result)),
              r: number(result.rev),
              [TABLE.ttl]: ttl(expiry),
            },
            ConditionExpression: `${ABSENT} OR r < :rev`,
            ExpressionAttributeValues: { ":rev": number(result.rev) },
          }),
        ),
      ),
  };
}
