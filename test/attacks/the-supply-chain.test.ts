import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const FOLDER = new URL("../../.github/workflows/", import.meta.url);
const WORKFLOWS = readdirSync(FOLDER).map((name) => [name, readFileSync(new URL(name, FOLDER), "utf8")] as const);

/** The jobs of a workflow: from one key at the second level to the next one. */
const jobsOf = (text: string): readonly string[] =>
  text
    .slice(text.indexOf("\njobs:"))
    .split(/\n {2}(?=[a-z])/)
    .slice(1);

describe.each(WORKFLOWS)("the workflow %s", (_, text) => {
  test("runs no action that somebody may move to other code", () => {
    const used = [...text.matchAll(/uses: (\S+)/g)].map(([, action]) => action ?? "");
    expect(used.filter((action) => !/@[0-9a-f]{40}$/.test(action) && !action.startsWith("./"))).toEqual([]);
  });

  test("may only read, but where it is said", () => {
    expect(text).toMatch(/\npermissions:\n {2}contents: read\n/);
  });

  test("knows no token of npm, and installs nothing where it has an identity", () => {
    expect(text).not.toContain("NPM_TOKEN");
    for (const job of jobsOf(text).filter((each) => each.includes("id-token: write")))
      expect(job).not.toMatch(/npm (ci|install|pack|run)/);
  });

  test("runs no install script where it makes what is released", () => {
    for (const job of jobsOf(text).filter((each) => /npm (pack|run template)/.test(each)))
      expect(job.match(/npm (ci|install)\b.*/g)).toEqual(["npm ci --ignore-scripts"]);
  });

  test("is started by no pull request with the rights of this repository", () => {
    expect(text).not.toContain("pull_request_target");
  });
});

test("every package that is installed is the one that was looked at", () => {
  const lock = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8")) as {
    packages: Record<string, { integrity?: string; link?: boolean; inBundle?: boolean }>;
  };
  const unproved = Object.entries(lock.packages).filter(
    ([path, { integrity, inBundle }]) => path !== "" && inBundle !== true && !integrity?.startsWith("sha512-"),
  );
  expect(unproved).toEqual([]);
});
