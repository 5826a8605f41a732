import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { examinePod, type Pod } from "../../lib/cli/pod.ts";
import type { Finding } from "../../lib/stack/doctor/finding.ts";
import { type StubDoor, stubDoor } from "../stack/aws.ts";

/** Where nothing answers. */
const NOBODY = "http://127.0.0.1:1";

const DATE = "Sun, 22 Nov 2026 12:00:00 GMT";
const HMAC = "A".repeat(43);
const TICKET = `etl-1.2.1795348800.3.120000.k1.${HMAC}`;

let door: StubDoor;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lastbeat-pod-"));
  door = await stubDoor(() => ({ status: 200, body: { ok: true }, headers: { date: DATE } }));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await door.stop();
});

const pod = (more: Partial<Pod> = {}): Pod => ({
  urls: door.url,
  fallback: NOBODY,
  ticket: TICKET,
  host: "i-0123456789abcdef0",
  metadata: undefined,
  stateFolder: folder,
  terminationLog: join(folder, "termination-log"),
  clock: () => Date.parse(DATE),
  ...more,
});

const found = async (check: string, more: Partial<Pod> = {}): Promise<Finding[]> =>
  (await examinePod(pod(more))).filter((each) => each.check === check);

describe("a pod", () => {
  test("that has all that exec needs has no bad finding, and nothing is left behind in it", async () => {
    const findings = await examinePod(pod());
    expect(findings.map(({ check, state }) => `${state}: ${check}`)).toEqual([
      "ok: front door",
      "ok: clock",
      "ok: ticket",
      "ok: host",
      "ok: instance metadata",
      "ok: termination log",
      "ok: state folder",
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("has each of its front doors looked at", async () => {
    expect(await found("front door", { urls: `${door.url}, http://127.0.0.1:1` })).toMatchObject([
      { state: "ok" },
      { state: "problem", says: expect.stringContaining("http://127.0.0.1:1") },
    ]);
  });

  test.each([undefined, "", " , "])("without a front door (%j) has a problem", async (urls) => {
    const says = `LASTBEAT_URL is not set, and nothing answers at ${NOBODY}, where exec looks then`;
    expect(await found("front door", { urls })).toMatchObject([{ state: "problem", says }]);
  });

  test("without a front door beside an embedded server is well: exec looks there", async () => {
    expect(await found("front door", { urls: undefined, fallback: door.url })).toMatchObject([{ state: "ok" }]);
  });
});

describe("the ticket", () => {
  test("is told by what it is for, and never shown", async () => {
    const findings = await examinePod(pod({ ticket: `${TICKET}\n` }));
    expect(findings.find(({ check }) => check === "ticket")?.says).toBe(
      "for attempt 2 of etl-1, fence 1795348800, lease 120 s",
    );
    expect(JSON.stringify(findings)).not.toContain(HMAC);
  });

  test("that is garbled is a problem, and not shown either", async () => {
    const findings = await examinePod(pod({ ticket: `"${TICKET}"` }));
    expect(findings.find(({ check }) => check === "ticket")).toMatchObject({ state: "problem" });
    expect(JSON.stringify(findings)).not.toContain(HMAC);
  });

  test.each([undefined, "", "  "])("that is missing (%j) is a problem", async (ticket) => {
    expect(await found("ticket", { ticket })).toMatchObject([{ state: "problem", says: "LASTBEAT_TICKET is not set" }]);
  });
});

test("a host's name that the service would not take is a warning", async () => {
  expect(await found("host", { host: "a node" })).toMatchObject([
    { state: "warning", fix: expect.stringContaining("LASTBEAT_HOST") },
  ]);
});

describe("the instance metadata", () => {
  test("that gives out a token is well", async () => {
    const methods: string[] = [];
    const imds = await stubDoor(({ method, target, headers }) => {
      methods.push(`${method} ${target} ${headers["x-aws-ec2-metadata-token-ttl-seconds"]}`);
      return { status: 200, body: "token" };
    });
    expect(await found("instance metadata", { metadata: `${imds.url}/` })).toMatchObject([{ state: "ok" }]);
    expect(methods).toEqual(["PUT /latest/api/token 60"]);
    await imds.stop();
  });

  test("that refuses, or does not answer, is a warning about the hop limit", async () => {
    const imds = await stubDoor(() => ({ status: 403, body: {} }));
    for (const metadata of [imds.url, "http://127.0.0.1:1"])
      expect(await found("instance metadata", { metadata })).toMatchObject([
        { state: "warning", fix: expect.stringContaining("hop limit") },
      ]);
    await imds.stop();
  });

  test("that hangs, as behind a hop limit, is waited for no longer than exec does", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const metadata = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await found("instance metadata", { metadata })).toMatchObject([
      { state: "warning", says: expect.stringContaining("does not answer") },
    ]);
    silent.closeAllConnections();
    silent.close();
  });
});

describe("what is written", () => {
  test("is a termination log that is there, or that can be made", async () => {
    const terminationLog = join(folder, "log");
    writeFileSync(terminationLog, "kept");
    expect(await found("termination log", { terminationLog })).toMatchObject([{ state: "ok" }]);
    expect(await found("termination log", { terminationLog: join(folder, "none/log") })).toMatchObject([
      { state: "warning", fix: expect.stringContaining("LASTBEAT_TERMINATION_LOG") },
    ]);
  });

  test("needs no termination log where there is no Kubernetes", async () => {
    expect(await found("termination log", { terminationLog: undefined })).toMatchObject([{ state: "ok" }]);
  });

  test("is a state folder, and one that cannot be made is a warning", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(await found("state folder", { stateFolder: join(file, "below") })).toMatchObject([
      { state: "warning", fix: expect.stringContaining("LASTBEAT_STATE_DIR") },
    ]);
  });

  // Also for root, who may write everywhere else.
  test.skipIf(process.platform !== "linux")("is a state folder that is there, and takes no file", async () => {
    expect(await found("state folder", { stateFolder: "/proc" })).toMatchObject([
      { state: "warning", says: expect.stringContaining("would be lost") },
    ]);
  });
});
