import { chmodSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import type { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stateFolder } from "../../lib/agent/folder.ts";
import { parseProgress, watchProgress } from "../../lib/agent/progress.ts";
import { deliverLeftovers, keeper } from "../../lib/agent/reports.ts";
import { milliseconds } from "../../lib/core/time.ts";
import { gateway, json } from "./gateway.ts";

let folder: string;
let said: string[];
const say = (line: string): void => {
  said.push(line);
};
const tmp = process.env["TMPDIR"];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lastbeat-folder-"));
  said = [];
});
afterEach(() => {
  if (tmp === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = tmp;
  rmSync(folder, { recursive: true, force: true });
});

describe("the folder of the agents", () => {
  test("is one per user, for that user alone, unless another is chosen", async () => {
    process.env["TMPDIR"] = folder;
    const own = await stateFolder(undefined, say);
    expect(own).toBe(join(folder, `lastbeat-${process.getuid?.()}`));
    expect(await stateFolder(join(folder, "chosen"), say)).toBe(join(folder, "chosen"));
    chmodSync(own ?? "", 0o777);
    expect(await stateFolder(undefined, say)).toBeUndefined();
    expect(said).toEqual([expect.stringContaining("is not ours alone")]);
  });
});

const REPORT = { outcome: "failed", exitCode: 3 } as const;
const RUN = { url: "http://127.0.0.1:1", run: "etl" };

test.each(["ENOSPC: no space left on device", "EROFS: read-only file system"])(
  "a report that cannot be kept (%s) is said, and nothing else happens",
  async (message) => {
    const full = (() => Promise.reject(new Error(message))) as typeof writeFile;
    const { keep, forget } = keeper(folder, "id", RUN, say, full);
    await keep("the-token", REPORT);
    await forget();
    expect(said).toEqual([`the report is not kept on disk: ${message}`]);
    expect(readdirSync(folder)).toEqual([]);
  },
);

describe("a report that was left behind", () => {
  const leave = async (url: string, name = "older"): Promise<string> => {
    urls.add(url);
    await keeper(folder, name, { url, run: "etl" }, say).keep(tokenOf(name), REPORT);
    return join(folder, `${name}.report.json`);
  };
  /** All front doors that reports were left for are this agent's own. */
  const urls = new Set<string>();
  const own = () => ({ url: [...urls].join(","), identity: () => "the-cluster" });
  const deliver = () => deliverLeftovers(folder, own(), say, new AbortController().signal);
  const tokenOf = (name: string) => `etl.1.1.0.120000.${name}.${"h".repeat(43)}`;

  test.each([
    ["is accepted", json({ state: "queued" }), 0],
    ["comes too late", json({ type: "urn:lastbeat:problem:superseded", title: "x", status: 409 }, 409), 0],
    ["is not answered clearly", json({ message: "Forbidden" }, 403), 1],
  ] as const)("and %s", async (_, behaviour, left) => {
    const door = await gateway(() => behaviour);
    await leave(`http://127.0.0.1:1,${door.url}`);
    await deliver();
    expect(door.calls).toMatchObject([{ name: "finish", credential: `Bearer ${tokenOf("older")}`, body: REPORT }]);
    expect(readdirSync(folder).length).toBe(left);
    expect(said.length).toBe(1);
    expect(said.join()).not.toContain("h".repeat(43));
    await door.stop();
  });

  test("is one of twenty at the most, the newest first; what is too old or not ours to read is not sent", async () => {
    const door = await gateway(() => json({ state: "ended" }));
    for (let index = 0; index < 25; index += 1)
      utimesSync(await leave(door.url, `r${index}`), Date.now() / 1000 - index, Date.now() / 1000 - index);
    utimesSync(join(folder, "r0.report.json"), 1, 1);
    writeFileSync(join(folder, "large.report.json"), " ".repeat(70_000));
    await deliver();
    expect(door.calls.map(({ credential }) => credential)).toEqual(
      Array.from({ length: 20 }, (_, index) => `Bearer ${tokenOf(`r${index + 1}`)}`),
    );
    expect(readdirSync(folder)).not.toContain("r0.report.json");
    await door.stop();
  });

  test("for a front door that is not this agent's is not sent: a stranger's file does not choose where its identity goes", async () => {
    const [mine, thief] = [await gateway(() => json({})), await gateway(() => json({}))];
    await leave(thief.url);
    await deliverLeftovers(folder, { ...own(), url: mine.url }, say, new AbortController().signal);
    expect([mine.calls, thief.calls]).toEqual([[], []]);
    expect(said).toEqual(["an older report of etl belongs to another front door; it stays"]);
    await mine.stop();
    await thief.stop();
  });

  test.each([
    ["../../dev/events?x=", "etl"],
    ["etl", "another"],
  ])("about run %j with a token of another is removed", async (run, by) => {
    const door = await gateway(() => json({}));
    const token = tokenOf("k1").replace("etl", by === "etl" ? "etl" : by);
    writeFileSync(join(folder, "any.report.json"), JSON.stringify({ url: door.url, run, token, report: REPORT }));
    urls.add(door.url);
    await deliver();
    expect([door.calls, readdirSync(folder)]).toEqual([[], []]);
    await door.stop();
  });

  test("is not looked for where there is no folder, and not sent when the agent is leaving", async () => {
    await leave("http://127.0.0.1:1");
    await deliverLeftovers(folder, own(), say, AbortSignal.abort());
    expect([said, readdirSync(folder).length]).toEqual([[], 1]);
    await deliverLeftovers(join(folder, "nowhere"), own(), say, new AbortController().signal);
    expect(said).toEqual([expect.stringContaining("older reports could not be looked for")]);
  });
});

describe("what a progress file says", () => {
  test.each([
    ["82", { value: 82 }],
    ["  0.5\n", { value: 0.5 }],
    ['{"value":82,"of":100,"note":"epoch 3"}', { value: 82, of: 100, note: "epoch 3" }],
    ['{"value":1,"step":"ignored"}', { value: 1 }],
  ])("%j is progress", (text, progress) => {
    expect(parseProgress(text)).toEqual(progress);
  });

  test.each([
    "",
    "82%",
    "null",
    "[]",
    '"82"',
    '{"value":"82"}',
    '{"value":1,"of":"x"}',
    '{"value":1,"note":2}',
    "1e999",
    "1e126",
    "5e-324",
    '{"value":1,"of":1e200}',
  ])("%j is none", (text) => {
    expect(parseProgress(text)).toBeUndefined();
  });

  test.each(["x".repeat(500), "é".repeat(500), "💡".repeat(500), '"'.repeat(500), "\u0001".repeat(500)])(
    "a long note is cut to 128 bytes of JSON, at a whole character",
    (note) => {
      const cut = parseProgress(JSON.stringify({ value: 1, note }))?.note ?? "";
      const bytes = Buffer.byteLength(JSON.stringify(cut)) - 2;
      expect(bytes).toBeLessThanOrEqual(128);
      expect(bytes).toBeGreaterThan(122);
      expect(note.startsWith(cut)).toBe(true);
    },
  );

  test("is heard at every change; what cannot be sent is said once, and is a change all the same", async () => {
    const file = join(folder, "progress");
    const heard: unknown[] = [];
    let next = Promise.withResolvers<void>();
    const write = async (content: string): Promise<void> => {
      next = Promise.withResolvers<void>();
      writeFileSync(file, content);
      await next.promise;
    };
    const watch = watchProgress(
      file,
      (progress) => {
        heard.push(progress);
        next.resolve();
      },
      say,
      milliseconds(5),
    );
    for (const content of ["1", "2", "nonsense", "more nonsense", "", "3", "x".repeat(5000)]) await write(content);
    await watch.stop();
    expect(readdirSync(folder)).toEqual([]);
    expect(heard).toEqual([{ value: 1 }, { value: 2 }, undefined, undefined, undefined, { value: 3 }, undefined]);
    expect(said.length).toBe(1);
  });
});
