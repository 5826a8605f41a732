import { readFileSync } from "node:fs";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { describe, expect, test } from "vitest";
import { itemOf, runOf, updateOf } from "../../../lib/adapters/aws/run-item.ts";
import { sign, verify } from "../../../lib/app/credentials.ts";
import type { Queued, Run } from "../../../lib/core/run.ts";
import { instant } from "../../../lib/core/time.ts";
import type { Key } from "../../../lib/ports/runtime.ts";
import { parseBearer } from "../../../lib/wire/credentials.ts";
import { requeueMessage } from "../../../lib/wire/requeue.ts";
import * as runs from "../../core/runs.ts";

/**
 * What version 0.1.0 has written, as it lies in tables, queues and pods while another version is being deployed. Never
 * rewrite what was written: add what the next one writes. `run` is an item as this version reads it.
 */
type Released = {
  readonly items: Readonly<Record<string, { readonly run: Run; readonly item: Readonly<Record<string, Written>> }>>;
  readonly credentials: { readonly ticket: string; readonly token: string };
  readonly message: { readonly id: string; readonly body: object };
};
type Written = { readonly B?: { readonly base64: string } } & Readonly<Record<string, unknown>>;

const RELEASED = JSON.parse(readFileSync(new URL("released.json", import.meta.url), "utf8")) as Released;

const binary = (value: Written): AttributeValue =>
  (value.B === undefined ? value : { B: Buffer.from(value.B.base64, "base64") }) as AttributeValue;

const itemFrom = (item: Readonly<Record<string, Written>>): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(item).map(([letter, value]) => [letter, binary(value)]));

const ITEMS = Object.entries(RELEASED.items);
const keys: readonly [Key] = [{ id: "k1", secret: Buffer.alloc(32, 7) }];
const app = { keys: { all: async () => keys }, clock: { now: () => instant(Date.parse("2026-11-22T12:00:00Z")) } };

describe("a run item of 0.1.0", () => {
  test("is here in every state", () => {
    expect(ITEMS.map(([state]) => state)).toEqual(["queued", "waiting", "running", "leaving", "canceling", "ended"]);
  });

  test.each(ITEMS)("is read as it was written: %s", (_, { run, item }) => {
    expect(runOf(itemFrom(item))).toEqual(run);
  });

  test.each(ITEMS)("is still written so, and older code reads it while two versions run: %s", (_, { run, item }) => {
    expect(itemOf(run)).toEqual(itemFrom(item));
  });

  test.each(ITEMS)("loses nothing to code that does not know all of its attributes: %s", (_, { run, item }) => {
    const newer = { ...itemFrom(item), zz: { S: "of a later version" } };
    expect(runOf(newer)).toEqual(run);
    const { expression } = updateOf(run, { ...run, rev: run.rev + 1 });
    expect(expression).not.toContain("zz");
  });
});

test("credentials of 0.1.0 are good, and those made now can be read by an agent of 0.1.0", async () => {
  const { ticket, token } = RELEASED.credentials;
  expect(await verify(app, "ticket", `Bearer ${ticket}`, "etl")).toMatchObject({ ok: true });
  expect(await verify(app, "token", `Bearer ${token}`, "etl")).toMatchObject({ ok: true });
  const claims = parseBearer(`Bearer ${ticket}`)?.claims;
  if (claims === undefined) throw new Error("no ticket");
  // An agent of then reads them: to it the expiry is a part of the key's id.
  const form = /^([\w-]+)\.(\d+)\.(\d+)\.(\d{1,4})\.(\d{1,8})\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{43})$/;
  for (const made of [await sign(app, "ticket", claims), await sign(app, "token", claims)])
    expect(form.exec(made)?.slice(1, 6)).toEqual(form.exec(ticket)?.slice(1, 6));
});

test("a requeue message holds at least what that of 0.1.0 held", () => {
  const next: Queued = runs.queued(runs.following("l"));
  const message = requeueMessage({
    next,
    registration: runs.registered(),
    previous: { fence: runs.fenceOf(1), end: { ...runs.lostLine(), charge: "l" } },
    ticket: RELEASED.credentials.ticket,
    startBy: runs.at("12:20:00"),
    isHandover: false,
  });
  expect(message.id).toBe(RELEASED.message.id);
  expect(JSON.parse(message.body)).toMatchObject(RELEASED.message.body);
});
