import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { forgetful, recall, remember } from "../../dev/folder.ts";

/** Somebody else may write where the embedded server keeps its keys and tickets. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lastbeat-attack-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const KEPT = { ...forgetful(), dynamodbPort: 8000, sqsPort: 8001 };
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("a folder of the embedded server", () => {
  test("that it makes is its own user's alone, and so are its keys", () => {
    const own = join(folder, "data");
    recall(own);
    remember(own, KEPT);
    expect([modeOf(own), modeOf(join(own, "lastbeat.json"))]).toEqual([0o700, 0o600]);
  });

  test.each([0o777, 0o770, 0o722, 0o702])("that others may write (%i) is not used, whatever is in it", (mode) => {
    const shared = join(folder, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "lastbeat.json"), JSON.stringify(KEPT));
    chmodSync(shared, mode);
    expect(() => recall(shared)).toThrow("other users can write in it");
  });

  test("in which a link waits for the next write loses nothing by it", () => {
    const precious = join(folder, "precious");
    writeFileSync(precious, "all I have");
    symlinkSync(precious, join(folder, "lastbeat.json.new"));
    remember(folder, KEPT);
    expect(readFileSync(precious, "utf8")).toBe("all I have");
    expect(recall(folder)).toEqual(KEPT);
  });

  test("in which a file that all may write waits for the keys does not hand its rights on", () => {
    writeFileSync(join(folder, "lastbeat.json.new"), "", { mode: 0o666 });
    chmodSync(join(folder, "lastbeat.json.new"), 0o666);
    remember(folder, KEPT);
    expect(modeOf(join(folder, "lastbeat.json"))).toBe(0o600);
    expect(existsSync(join(folder, "lastbeat.json.new"))).toBe(false);
  });
});
