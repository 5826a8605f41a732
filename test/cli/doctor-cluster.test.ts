import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { doctor } from "../../lib/cli/commands/doctor.ts";
import { type FakeApi, fakeApi } from "../adapters/kubernetes/fake-api.ts";

describe("lastbeat doctor --cluster", () => {
  let api: FakeApi;
  let folder: string;
  let kubeconfig: string;
  beforeAll(async () => {
    api = await fakeApi();
    folder = mkdtempSync(join(tmpdir(), "lastbeat-doctor-"));
    kubeconfig = join(folder, "config");
    const { server, tls } = await api.connection.access();
    const ca = Buffer.from(String(tls.ca)).toString("base64");
    const config = {
      "current-context": "here",
      clusters: [{ name: "lab", cluster: { server: server.href, "certificate-authority-data": ca } }],
      users: [{ name: "me", user: { token: "token-1" } }],
      contexts: [{ name: "here", context: { cluster: "lab", user: "me" } }],
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
  });
  afterAll(async () => {
    await api.stop();
    rmSync(folder, { recursive: true });
  });
  const examined = (more: object = {}) => doctor.answer([], { cluster: true, kubeconfig, ...more });

  test("says that all is well", async () => {
    const { text, code } = await examined();
    expect(text).toContain("lab answers");
    expect(text).toContain("the group lastbeat may do what is needed");
    expect(text).toContain("0 problems, 0 warnings");
    expect(code).toBe(0);
  });

  test("names what the group may not do", async () => {
    api.forbidden = "jobs";
    try {
      const { text, code } = await examined({ group: "batch-jobs" });
      expect(text).toContain("the group batch-jobs may not get jobs, list jobs, create jobs, delete jobs");
      expect(text).toContain("docs/kubernetes.md");
      expect(code).toBe(1);
    } finally {
      api.forbidden = undefined;
    }
  });

  test("says why it cannot look", async () => {
    await expect(examined({ context: "there" })).rejects.toThrow('no context "there"');
    api.instead = { status: 401, body: { message: "Unauthorized" } };
    await expect(examined()).rejects.toThrow("Unauthorized");
    api.instead = undefined;
  });
});
