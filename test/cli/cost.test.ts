import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { monthlyBill } from "../../lib/cli/commands/cost.ts";
import { UsageError } from "../../lib/cli/errors.ts";
import type { Flags } from "../../lib/cli/flags.ts";
import type { Bill } from "../../lib/cost/bill.ts";
import { BIN } from "../e2e/processes.ts";

const NOW = Date.parse("2026-12-01T00:00:00.000Z");

const billsOf = (flags: Flags): readonly Bill[] => (monthlyBill(flags, NOW).json as { bills: readonly Bill[] }).bills;

describe("lastbeat cost", () => {
  test("sets four fleets side by side, item by item, in 80 columns", () => {
    const { text } = monthlyBill({}, NOW);
    expect(text).toMatch(/^live runs +0 +100 +10,000 +1,000,000$/m);
    for (const label of ["  front door", "  DynamoDB writes", "  SQS", "plumbing", "secret and watching", "a month"])
      expect(text).toMatch(new RegExp(`^${label}( +\\$[\\d,]+\\.\\d\\d){4}$`, "m"));
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("shows one fleet with what was counted", () => {
    const { text } = monthlyBill({ runs: "100" }, NOW);
    expect(text).toMatch(/^live runs +100$/m);
    expect(text).toMatch(/^ {2}alarms +\$0\.90 {3}9 alarms$/m);
  });

  test("says the day of the prices, the region, what is assumed and what is left out", () => {
    const { text } = monthlyBill({}, NOW);
    expect(text).toMatch(/^US dollars a month in us-east-1, at list prices of 2026-11-22$/m);
    for (const said of ["Assumed: ", "Left out: ", "NAT gateways", "free tiers"]) expect(text).toContain(said);
  });

  test("says so when the prices are more than a year old", () => {
    expect(monthlyBill({}, Date.parse("2028-01-01T00:00:00.000Z")).text).toContain("more than a year old");
  });

  test("tells the price of 1,000 runner-hours, also at one beat a minute", () => {
    expect(monthlyBill({}, NOW).text).toMatch(/^per 1,000 runner-hours .*; \$0\.111 at one beat a minute$/m);
    expect(monthlyBill({ beat: "60", "front-door": "function-url" }, NOW).text).toMatch(
      /^per 1,000 runner-hours {2}\$0\.051 for beats and sweeps$/m,
    );
  });

  test("says that a sweep over a million runs takes longer than ten seconds, and not of 10,000", () => {
    expect(monthlyBill({ runs: "1000000" }, NOW).text).toContain("one sweep reads for about");
    expect(monthlyBill({ runs: "10000" }, NOW).text).not.toContain("one sweep reads for about");
  });

  test("gives the same numbers as JSON", () => {
    const [bill] = billsOf({ runs: "100" });
    expect(monthlyBill({ runs: "100" }, NOW).text).toContain(`$${bill?.total.toFixed(2)}`);
    expect(billsOf({}).map(({ load }) => load.runs)).toEqual([0, 100, 10_000, 1_000_000]);
  });

  test("is a command of lastbeat that needs no API", () => {
    const env = { PATH: process.env["PATH"], LASTBEAT_URL: "http://127.0.0.1:1" };
    const { status, stdout } = spawnSync(process.execPath, [BIN, "cost", "--runs", "7", "--json"], {
      env,
      encoding: "utf8",
    });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ region: "us-east-1", bills: [{ load: { runs: 7 } }] });
  });

  test("takes what the options say", () => {
    const options = {
      runs: "7",
      beat: "15",
      hours: "2",
      losses: "0",
      "front-door": "rest-api",
      sweep: "20",
      "beat-ms": "5",
      observability: "full",
    };
    expect(billsOf(options)[0]?.load).toEqual({
      runs: 7,
      beatSeconds: 15,
      runHours: 2,
      lossesPerThousand: 0,
      frontDoor: "rest-api",
      sweepSeconds: 20,
      beatMs: 5,
      observability: "full",
    });
  });

  test.each([
    [{ runs: "many" }, "--runs takes a whole number"],
    [{ beat: "0" }, "--beat takes a number from 1 to 3600"],
    [{ sweep: "0.5" }, "--sweep takes a whole number"],
    [{ "front-door": "alb" }, '--front-door takes one of http-api, function-url, rest-api; not "alb"'],
    [{ observability: "some" }, '--observability takes one of none, alarms, full; not "some"'],
  ])("refuses %j with what to do", (flags, message) => {
    expect(() => monthlyBill(flags, NOW)).toThrow(UsageError);
    expect(() => monthlyBill(flags, NOW)).toThrow(message);
  });
});
