import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
} from "@aws-sdk/client-sqs";
import { beforeEach, describe, expect, test } from "vitest";
import { sqsNotices, sqsRequeues, sqsTicks } from "../../lib/adapters/aws/queues.ts";
import { type Instant, instant, milliseconds, type Span, seconds } from "../../lib/core/time.ts";
import { MAX_RECEIVES, TICK_RETENTION_SECONDS } from "../../lib/names.ts";
import type { Queues } from "./engines.ts";
import { at } from "./samples.ts";

/** The bound on every wait here. A long poll returns as soon as a message is there. */
const WAIT_SECONDS = 5;

/** The queues as our adapters use them, on any engine. */
export function describeQueues(name: string, { client, urls }: Queues): void {
  const receive = async (queue: string, wait = WAIT_SECONDS): Promise<readonly Message[]> => {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queue,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: wait,
        MessageAttributeNames: ["All"],
      }),
    );
    return Messages;
  };

  /** Takes messages off the queue until `count` have come, or a whole wait has brought none. */
  async function take(queue: string, count: number, wait = WAIT_SECONDS): Promise<readonly Message[]> {
    const taken: Message[] = [];
    while (taken.length < count) {
      const messages = await receive(queue, wait);
      if (messages.length === 0) break;
      taken.push(...messages);
      const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await client.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries }));
    }
    return taken;
  }

  const attributesOf = async (queue: string): Promise<Partial<Record<string, string>>> => {
    const { Attributes = {} } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ["All"] }),
    );
    return Attributes;
  };

  describe(`requeues: ${name}`, () => {
    const requeues = sqsRequeues(client, { own: urls.requeue });
    const message = {
      id: "train.1795348801",
      body: JSON.stringify({ id: "train.1795348801", data: { run: "train" } }),
      target: "queue" as const,
    };

    test("a message arrives as it was sent, with its content type and its id", async () => {
      await requeues.send(message);
      const [arrived] = await take(urls.requeue, 1);
      expect(arrived?.Body).toBe(message.body);
      expect(arrived?.MessageAttributes).toEqual({
        "content-type": { DataType: "String", StringValue: "application/cloudevents+json" },
        ce_id: { DataType: "String", StringValue: "train.1795348801" },
      });
    });

    test("a repeated message has the same id", async () => {
      await requeues.send(message);
      await requeues.send(message);
      const arrived = await take(urls.requeue, 2);
      expect(arrived.map(({ MessageAttributes }) => MessageAttributes?.["ce_id"]?.StringValue)).toEqual([
        "train.1795348801",
        "train.1795348801",
      ]);
    });

    test("a message that was received five times in vain goes to the dead-letter queue", async () => {
      await requeues.send(message);
      let receives = 0;
      for (; receives <= MAX_RECEIVES; receives += 1) {
        const [arrived] = await receive(urls.requeue, 0);
        if (arrived === undefined) break;
        await client.send(
          new ChangeMessageVisibilityCommand({
            QueueUrl: urls.requeue,
            ReceiptHandle: arrived.ReceiptHandle,
            VisibilityTimeout: 0,
          }),
        );
      }
      expect(receives).toBe(5);
      const [dead] = await take(urls.deadLetter, 1);
      expect(dead?.Body).toBe(message.body);
      expect(dead?.MessageAttributes?.["ce_id"]?.StringValue).toBe("train.1795348801");
      expect(await receive(urls.requeue, 0)).toEqual([]);
    });

    test("a queue that does not exist is an error", async () => {
      const nowhere = sqsRequeues(client, { own: `${urls.requeue}-unknown` });
      await expect(nowhere.send(message)).rejects.toThrow(/queue/i);
    });
  });

  describe(`notices: ${name}`, () => {
    const notices = sqsNotices(client, urls.notice);
    const event = {
      source: "lastbeat",
      "detail-type": "Lastbeat Host Drain",
      detail: { host: "i-0abc", reason: "maintenance of rack 7" },
    };

    test("an event arrives as EventBridge would deliver it", async () => {
      await notices.send(event);
      const [arrived] = await take(urls.notice, 1);
      expect(JSON.parse(arrived?.Body ?? "")).toEqual(event);
    });

    test.each(["\u{1f4a4}", "\uffff"])("an event arrives whatever letters its texts have (%j)", async (reason) => {
      await notices.send({ ...event, detail: { host: "i-0abc", reason } });
      const [arrived] = await take(urls.notice, 1, 1);
      expect(JSON.parse(arrived?.Body ?? "")).toMatchObject({ detail: { reason } });
    });

    test("an event that was received five times in vain goes to a dead-letter queue", async () => {
      const { RedrivePolicy = "{}" } = await attributesOf(urls.notice);
      expect(JSON.parse(RedrivePolicy)).toEqual({
        deadLetterTargetArn: expect.stringMatching(/-notice-dead$/),
        maxReceiveCount: 5,
      });
    });

    test("a queue that does not exist is an error", async () => {
      await expect(sqsNotices(client, `${urls.notice}-unknown`).send(event)).rejects.toThrow(/queue/i);
    });
  });

  describe(`ticks: ${name}`, () => {
    const ticks = sqsTicks(client, urls.tick);
    const tick = (time: Instant, delay: Span) => ({ tick: { at: time }, delay });

    /** The delays in each batch that left the client. */
    const batches: (number | undefined)[][] = [];
    client.middlewareStack.add(
      (next) => (args) => {
        if ("Entries" in args.input)
          batches.push(
            (args.input.Entries ?? []).map((entry) => ("DelaySeconds" in entry ? entry.DelaySeconds : undefined)),
          );
        return next(args);
      },
      { step: "initialize" },
    );
    beforeEach(() => {
      batches.length = 0;
    });

    test("a tick carries the instant of its sweep", async () => {
      await ticks.send([tick(at("12:00:10"), seconds(0))]);
      const [arrived] = await take(urls.tick, 1);
      expect(JSON.parse(arrived?.Body ?? "")).toEqual({ at: "2026-11-22T12:00:10.000Z" });
    });

    test("delays are whole seconds, rounded up: no sweep comes before its time", async () => {
      await ticks.send([milliseconds(1), seconds(1), milliseconds(1001)].map((delay) => tick(at("12:00:10"), delay)));
      expect(batches).toEqual([[1, 1, 2]]);
      expect(await receive(urls.tick, 0)).toEqual([]);
      expect(await take(urls.tick, 3)).toHaveLength(3);
    });

    test("more ticks than a batch holds all arrive, in as few batches as they need", async () => {
      const all = Array.from({ length: 23 }, (_, n) => instant(at("12:00:00") + n * 10_000));
      await ticks.send(all.map((time) => tick(time, seconds(0))));
      expect(batches.map((delays) => delays.length)).toEqual([10, 10, 3]);
      const arrived = (await take(urls.tick, 23)).map(({ Body = "" }) => Date.parse(JSON.parse(Body).at));
      expect(arrived.toSorted((one, other) => one - other)).toEqual(all);
    });

    test("no ticks are no request", async () => {
      await ticks.send([]);
      expect(batches).toEqual([]);
    });

    test("a batch that fails keeps none after it from being sent, and all that were not queued are counted", async () => {
      let sent = 0;
      client.middlewareStack.add(
        (next) => async (args) => {
          sent += 1;
          if (sent === 1) throw new Error("no route");
          return next(args);
        },
        { step: "finalizeRequest", name: "broken" },
      );
      const all = Array.from({ length: 13 }, (_, n) => instant(at("12:00:00") + n * 10_000));
      try {
        await expect(ticks.send(all.map((time) => tick(time, seconds(0))))).rejects.toThrow(
          "10 ticks were not queued: Error: no route",
        );
      } finally {
        client.middlewareStack.remove("broken");
      }
      expect(batches.map((delays) => delays.length)).toEqual([10, 3]);
      const arrived = (await take(urls.tick, 3)).map(({ Body = "" }) => Date.parse(JSON.parse(Body).at));
      expect(arrived.toSorted((one, other) => one - other)).toEqual(all.slice(10));
    });

    test("a batch that the queue takes only in part is an error", async () => {
      const Failed = [{ Id: "0", SenderFault: false, Code: "InternalError", Message: "try again" }];
      client.middlewareStack.add((next) => async (args) => Object.assign(await next(args), { output: { Failed } }), {
        step: "initialize",
        name: "partial",
      });
      try {
        await expect(ticks.send([tick(at("12:00:10"), seconds(0))])).rejects.toThrow(
          "1 ticks were not queued: try again",
        );
      } finally {
        client.middlewareStack.remove("partial");
      }
    });

    test("ticks that nobody received are dropped after two minutes, and have no dead-letter queue", async () => {
      const { MessageRetentionPeriod, RedrivePolicy } = await attributesOf(urls.tick);
      expect(MessageRetentionPeriod).toBe(String(TICK_RETENTION_SECONDS));
      expect(TICK_RETENTION_SECONDS).toBe(120);
      expect(RedrivePolicy).toBeUndefined();
    });
  });
}
