import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BIN } from "../e2e/processes.ts";

describe("the binary beside the package", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lastbeat-binary-"));
    const file = join(folder, "lastbeat");
    writeFileSync(file, '#!/bin/sh\necho "$$ $*"\n');
    chmodSync(file, 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const say = (binary: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, [BIN, ...args], {
      env: { ...process.env, LASTBEAT_BINARY: binary, LASTBEAT_TICKET: "" },
      encoding: "utf8",
    });

  test.each(["exec", "sidecar", "probe", "install"])("is what %s becomes, with the same process id", (name) => {
    const { stdout, pid } = say(join(folder, "lastbeat"), name, "--", "a b");
    expect(stdout).toBe(`${pid} ${name} -- a b\n`);
  });

  test("is named by --version, as Node is without it", () => {
    expect(say(join(folder, "lastbeat"), "--version").stdout).toMatch(/^[\d.]+ \(exec: the binary .*\/lastbeat\)\n$/);
    expect(say("off", "--version").stdout).toMatch(/^[\d.]+ \(exec: Node [\d.]+\)\n$/);
  });

  test("is not looked for by the other commands", () => {
    const { stdout } = say(join(folder, "lastbeat"), "register", "--help");
    expect(stdout).toContain("lastbeat register RUN");
  });

  test("is asked for by name where only it has the command", () => {
    const { stderr, status } = say("off", "sidecar");
    expect(stderr).toContain(
      "lastbeat sidecar is a command of the binary, which is not installed: npm install @lastbeat/agent-",
    );
    expect(status).toBe(1);
  });

  test.each(["gone", "text"])("that is %s, is an error, and no reason to run the command in Node", (name) => {
    writeFileSync(join(folder, "text"), "a text");
    const { stderr, status } = say(join(folder, name), "exec", "--", "true");
    expect(stderr).toContain(`${name} cannot be run here; set LASTBEAT_BINARY=off for none`);
    expect(status).toBe(125);
  });

  test("that is a script around this very program is no circle", () => {
    const file = join(folder, "around");
    writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
    chmodSync(file, 0o755);
    expect(say(file, "exec", "--", "true").stderr).toContain("there is no ticket");
  });

  test("leaves exec to Node where it is not wanted", () => {
    expect(() =>
      execFileSync(process.execPath, [BIN, "exec", "--help"], { env: { ...process.env, LASTBEAT_BINARY: "off" } }),
    ).not.toThrow();
    expect(say("off", "exec", "--", "true").stderr).toContain("there is no ticket");
  });
});
