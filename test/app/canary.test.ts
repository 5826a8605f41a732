import { expect, test } from "vitest";
import { canary } from "../../lib/app/canary.ts";
import { sweep } from "../../lib/app/sweep.ts";
import { after, seconds } from "../../lib/core/time.ts";
import { claimsOf, NOON, service, tokenOf } from "./service.ts";

const noPause = async (): Promise<void> => {};

/** A canary whose beats get through or not, as listed. */
async function beatsThat(...outcomes: readonly boolean[]) {
  const app = service();
  let sent = 0;
  const { failed } = await canary(app, async () => outcomes[sent++] ?? false, noPause);
  const { canary: known } = await app.control.standing();
  return { failed, sent, known };
}

test.each([
  ["one that gets through is enough", [true], 1, { throughAt: NOON, throughSince: NOON }],
  ["one that fails may be chance", [false, true, true], 3, { throughAt: NOON, throughSince: NOON }],
  ["two of three that fail are not", [false, true, false], 3, { failedAt: NOON }],
  ["after two failures the third is not needed", [false, false], 2, { failedAt: NOON }],
])("%s", async (_, outcomes, sent, known) => {
  expect(await beatsThat(...outcomes)).toEqual({ failed: "failedAt" in known, sent, known });
});

test("that sings minute after minute has been open since the first one, or since a beat that failed", async () => {
  const app = service();
  const throughSince = async (...outcomes: readonly boolean[]) => {
    let sent = 0;
    await canary(app, async () => outcomes[sent++] ?? false, noPause);
    app.pass(seconds(60));
    return (await app.control.standing()).canary.throughSince;
  };
  expect(await throughSince(true)).toBe(NOON);
  expect(await throughSince(true)).toBe(NOON);
  expect(await throughSince(false, true, true)).toBe(after(NOON, seconds(120)));
  expect(await throughSince(true)).toBe(after(NOON, seconds(120)));
});

test("its token is one of ours, for a run that no registration can make", async () => {
  const app = service();
  await canary(
    app,
    async (run, token) => {
      expect(claimsOf(token)).toMatchObject({ run, attempt: 0, fence: 0 });
      return true;
    },
    noPause,
  );
  expect.assertions(1);
});

test("a single run whose silence says nothing is not declared lost while the canary fails, and is when it does no more", async () => {
  const app = service();
  await tokenOf(app, "etl"); // lease 120 s
  const sweepAt = (span: number) => {
    app.pass(seconds(span));
    return sweep(app, { period: seconds(10), until: after(app.now(), seconds(50)), previous: app.now() });
  };
  app.pass(seconds(100));
  await app.control.canaryFailed(app.now());
  expect(await sweepAt(30)).toMatchObject({ canary: 1, silent: 0, frozen: 1, reaped: 0 });
  await app.control.canaryFailed(app.now());
  expect(await sweepAt(89)).toMatchObject({ canary: 1, frozen: 1, reaped: 0 });
  expect(await sweepAt(10)).toMatchObject({ canary: 0, frozen: 1, reaped: 0 }); // a full lease from the last bad sweep on
  expect(await sweepAt(110)).toMatchObject({ canary: 0, reaped: 1 });
});
