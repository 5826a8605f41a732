import { expect, test } from "vitest";
import { sign, verify } from "../../lib/app/credentials.ts";
import { claimsOf, NEW_KEY, OLD_KEY, service, ticketOf } from "./service.ts";

test("a credential outlives one rotation of the keys, and is not current any more", async () => {
  const app = service();
  const claims = await ticketOf(app, "etl");
  const token = `Bearer ${await sign(app, "token", claims)}`;
  expect(await verify(app, "token", token, "etl")).toMatchObject({ ok: true, isCurrent: true });
  app.useKeys(NEW_KEY, OLD_KEY);
  expect(await verify(app, "token", token, "etl")).toMatchObject({ ok: true, isCurrent: false, claims });
  expect(await sign(app, "token", claims)).toContain(".new.");
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
    { keys: { all: async () => [{ id: "old", secret: Buffer.alloc(32, 9) }] } },
    "ticket",
    claims,
  );
  expect(await verify(app, "ticket", `Bearer ${forged}`, "etl")).toEqual({ ok: false, why: "unauthorized" });
});
