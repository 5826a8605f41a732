import { expect, test } from "vitest";
import { sign, verify } from "../../lib/app/credentials.ts";
import { after, milliseconds, type Span, seconds } from "../../lib/core/time.ts";
import { claimsOf, NEW_KEY, OLD_KEY, service, ticketOf } from "./service.ts";

test("a credential outlives one rotation of the keys, and is not current any more", async () => {
  const app = service();
  const claims = await ticketOf(app, "etl");
  const token = `Bearer ${await sign(app, "token", claims)}`;
  expect(await verify(app, "token", token, "etl")).toMatchObject({ ok: true, isCurrent: true });
  app.useKeys(NEW_KEY, OLD_KEY);
  expect(await verify(app, "token", token, "etl")).toMatchObject({ ok: true, isCurrent: false, claims });
  expect(await sign(app, "token", claims)).toContain(".new-");
  app.useKeys(NEW_KEY);
  expect(await verify(app, "token", token, "etl")).toEqual({ ok: false, why: "unauthorized" });
});

test("a ticket is no token, and a token is no ticket", async () => {
  const app = service();
  const claims = await ticketOf(app, "etl");
  const ticket = await sign(app, "ticket", claims);
  expect(await verify(app, "token", `Bearer ${ticket}`, "etl")).toEqual({ ok: false, why: "unauthorized" });
  expect(claimsOf(ticket)).toEqual(claims);
});

test("a credential names its run, and is good for no other", async () => {
  const app = service();
  const ticket = await sign(app, "ticket", await ticketOf(app, "etl"));
  expect(await verify(app, "ticket", `Bearer ${ticket}`, "other")).toEqual({ ok: false, why: "wrong-run" });
});

test("a key of the same id with another secret signs nothing that we believe", async () => {
  const app = service();
  const claims = await ticketOf(app, "etl");
  const forged = await sign(
    { ...app, keys: { all: async () => [{ id: "old", secret: Buffer.alloc(32, 9) }] } },
    "ticket",
    claims,
  );
  expect(await verify(app, "ticket", `Bearer ${forged}`, "etl")).toEqual({ ok: false, why: "unauthorized" });
});

const HOUR = seconds(3600);
const DAY = seconds(24 * 3600);

/** Whether it is good at each of these times after it was signed. */
async function goodFor(domain: "ticket" | "token", from: Span, ...times: readonly Span[]): Promise<readonly boolean[]> {
  const app = service();
  const claims = await ticketOf(app, "etl");
  const header = `Bearer ${await sign(app, domain, claims, after(app.now(), from))}`;
  const signedAt = app.now();
  const found: boolean[] = [];
  for (const time of times) {
    app.pass(milliseconds(after(signedAt, time) - app.now()));
    const { ok, ...said } = await verify(app, domain, header, "etl");
    if (!ok) expect(said).toEqual({ why: "expired" });
    found.push(ok);
  }
  return found;
}

test("a ticket is good until its attempt has to start, and a day more", async () => {
  const none = milliseconds(0);
  expect(await goodFor("ticket", none, milliseconds(DAY - 1), DAY)).toEqual([true, false]);
  expect(await goodFor("ticket", DAY, milliseconds(2 * DAY - 1), milliseconds(2 * DAY))).toEqual([true, false]);
});

test("a token is good for a week, and its beat brings a new one when a day of it is spent", async () => {
  expect(await goodFor("token", milliseconds(0), milliseconds(7 * DAY - 1), milliseconds(7 * DAY))).toEqual([
    true,
    false,
  ]);
  const app = service();
  const token = `Bearer ${await sign(app, "token", await ticketOf(app, "etl"))}`;
  app.pass(milliseconds(DAY - HOUR));
  expect(await verify(app, "token", token, "etl")).toMatchObject({ isCurrent: true });
  app.pass(milliseconds(2 * HOUR));
  expect(await verify(app, "token", token, "etl")).toMatchObject({ ok: true, isCurrent: false });
});

test("a credential with another expiry than it was signed with is none", async () => {
  const app = service();
  const token = await sign(app, "token", await ticketOf(app, "etl"));
  const later = token.replace(/-[0-9a-z]{4}\./, "-zzzz.");
  expect(later).not.toBe(token);
  expect(await verify(app, "token", `Bearer ${later}`, "etl")).toEqual({ ok: false, why: "unauthorized" });
  const without = token.replace(/-[0-9a-z]{4}\./, ".");
  expect(await verify(app, "token", `Bearer ${without}`, "etl")).toEqual({ ok: false, why: "unauthorized" });
});
