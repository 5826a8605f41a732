import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asFence } from "../../lib/core/run.ts";
import { instant, milliseconds, seconds } from "../../lib/core/time.ts";
import { parseBearer, unsigned } from "../../lib/wire/credentials.ts";
import { fenceOf } from "../core/runs.ts";

const HMAC = "A".repeat(43);
const CLAIMS = { run: "etl-2026-11-22", attempt: 2, fence: fenceOf(2), shard: 3, lease: seconds(120) };
const NOON = instant(Date.parse("2026-11-22T12:00:00Z"));
const SIGNED = "etl-2026-11-22.2.1795348801.3.120000.k1-aot0";

describe("a credential", () => {
  test("says run, attempt, fence, shard, lease, key and expiry, joined by dots", () => {
    expect(unsigned(CLAIMS, "k1", NOON)).toBe(SIGNED);
  });

  test("ends at the hour that comes, never before its time", () => {
    const signed = unsigned(CLAIMS, "k1", instant(NOON + 1000));
    expect(parseBearer(`Bearer ${signed}.${HMAC}`)?.expiry).toBe(instant(NOON + 3_600_000));
  });

  test("of before there were expiries is read without one", () => {
    const signed = SIGNED.replace("-aot0", "");
    expect(parseBearer(`Bearer ${signed}.${HMAC}`)).toEqual({ claims: CLAIMS, keyId: "k1", signed, hmac: HMAC });
  });

  test("is read from an Authorization header", () => {
    expect(parseBearer(`Bearer ${SIGNED}.${HMAC}`)).toEqual({
      claims: CLAIMS,
      keyId: "k1",
      expiry: NOON,
      signed: SIGNED,
      hmac: HMAC,
    });
  });

  test("may come with the scheme in any case, after several spaces", () => {
    expect(parseBearer(`bearer   ${SIGNED}.${HMAC}`)?.claims).toEqual(CLAIMS);
  });

  test("is missing without a header", () => {
    expect(parseBearer(undefined)).toBeUndefined();
  });

  test.each([
    ["", "nothing"],
    ["Bearer ", "no credential"],
    [`${SIGNED}.${HMAC}`, "no scheme"],
    [`Basic ${SIGNED}.${HMAC}`, "another scheme"],
    [`Bearer ${SIGNED}`, "no hmac"],
    [`Bearer ${SIGNED}.${HMAC}A`, "a longer hmac"],
    [`Bearer ${SIGNED}.${HMAC.slice(1)}`, "a shorter hmac"],
    [`Bearer ${SIGNED}.${HMAC.slice(1)}=`, "a padded hmac"],
    [`Bearer ${SIGNED}.${HMAC} `, "a space behind"],
    [`Bearer ${SIGNED}.${HMAC}\n`, "a line end behind"],
    [`Bearer -etl.1.1.1.1.k.${HMAC}`, "a run that is no id"],
    [`Bearer etl.-1.1.1.1.k.${HMAC}`, "a negative attempt"],
    [`Bearer etl.1.1e3.1.1.k.${HMAC}`, "a fence that is no whole number"],
    [`Bearer etl.1.1..1.k.${HMAC}`, "an empty shard"],
    [`Bearer etl.1.1.1.1..${HMAC}`, "an empty key id"],
    [`Bearer etl.1.1.1.1.${"k".repeat(38)}.${HMAC}`, "a key id that is too long"],
  ])("is garbled: %j (%s)", (header) => {
    expect(parseBearer(header)).toBeUndefined();
  });

  test("is read as it was written, for all claims that we make", () => {
    const claims = fc.record({
      run: fc.stringMatching(/^[A-Za-z0-9][\w.:+-]{0,60}(\/[A-Za-z0-9][\w.:+-]{0,60})?$/),
      attempt: fc.integer({ min: 1, max: 999_999_999 }),
      fence: fc.integer({ min: 1, max: 999_999_999_999 }).map(asFence),
      shard: fc.integer({ min: 0, max: 9999 }),
      lease: fc.integer({ min: 5000, max: 3_600_000 }).map(milliseconds),
    });
    const key = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/);
    fc.assert(
      fc.property(claims, key, fc.integer({ min: 0, max: 1_600_000 }), (made, keyId, hours) => {
        const expiry = instant(hours * 3_600_000);
        const signed = unsigned(made, keyId, expiry);
        expect(parseBearer(`Bearer ${signed}.${HMAC}`)).toEqual({ claims: made, keyId, expiry, signed, hmac: HMAC });
      }),
    );
  });
});
