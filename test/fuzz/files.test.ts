import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { parseProgress } from "../../lib/agent/progress.ts";
import { deliverLeftovers } from "../../lib/agent/reports.ts";
import { read } from "../../lib/wire/read.ts";
import { beat } from "../../lib/wire/schemas.ts";
import { LONG, RUNS } from "./runs.ts";
import { broken, text } from "./texts.ts";

describe("a progress file", () => {
  const number = fc
    .oneof(fc.double(), fc.double({ min: -1e6, max: 1e6 }), fc.constantFrom("1e999", "-1e999", "1e126", "0x1", ""))
    .map(String);
  const files = fc.oneof(
    text,
    number,
    fc.json(),
    broken(JSON.stringify({ value: 82, of: 100, note: "epoch 3" })),
    fc.record({ value: fc.integer(), note: text }).map((all) => JSON.stringify(all)),
    fc
      .record({ value: number, of: fc.oneof(number, text), note: text })
      .map(({ value, of, note }) => `{"value": ${value}, "of": ${of}, "note": ${JSON.stringify(note.repeat(9))}}`),
    fc
      .record({ value: fc.double(), of: fc.double(), note: text.map((some) => some.repeat(99)) })
      .map((all) => JSON.stringify(all)),
  );

  test("of any kind says what the service takes, or nothing", LONG, () => {
    let understood = 0;
    fc.assert(
      fc.property(files, (file) => {
        const progress = parseProgress(file);
        if (progress === undefined) return;
        understood += 1;
        expect(read(beat, JSON.stringify({ progress }))).toEqual({ ok: true, value: { progress } });
      }),
      RUNS,
    );
    // Of a quarter or so, which chance does not bring below a twentieth.
    expect(understood).toBeGreaterThan(RUNS.numRuns / 20);
  });
});

describe("a report that was left behind", () => {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-left-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(() => vi.unstubAllGlobals());

  const DOOR = "https://lastbeat.example";
  const whole = {
    url: DOOR,
    run: "etl",
    token: `etl.1.1.0.120000.k1.${"h".repeat(43)}`,
    report: { outcome: "failed", exitCode: 3, message: "no" },
  };
  const files = fc.oneof(
    text,
    fc.json(),
    broken(JSON.stringify(whole)),
    fc
      .record({ url: text, run: text, token: text, report: fc.record({ outcome: text }) })
      .map((all) => JSON.stringify({ ...whole, ...all })),
  );

  test("is delivered, kept for later or removed, whatever is in it, and stands in no other's way", LONG, async () => {
    const sent = vi.fn<typeof fetch>(async (_, init) => {
      new Headers(init?.headers); // refuses what no request could carry, as the real one does
      return Response.json({ state: "queued" });
    });
    vi.stubGlobal("fetch", sent);
    await fc.assert(
      fc.asyncProperty(files, async (file) => {
        sent.mockClear();
        const said: string[] = [];
        writeFileSync(join(folder, "good.report.json"), JSON.stringify(whole));
        writeFileSync(join(folder, "any.report.json"), file);
        await deliverLeftovers(folder, { url: DOOR }, (line) => said.push(line), AbortSignal.timeout(60_000));
        expect(said).toHaveLength(2);
        expect(said.join()).toContain("an older report of etl: delivered");
        expect(sent.mock.calls.map(([url]) => url)).toContain(`${DOOR}/v1/runs/etl/finish`);
        // What could not be asked may be answered by a later agent; the rest is done with.
        const done = said.filter((line) => /: delivered$|; it is removed$/.test(line));
        expect(readdirSync(folder)).toHaveLength(2 - done.length);
        rmSync(join(folder, "any.report.json"), { force: true });
      }),
      RUNS,
    );
  });
});
