import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { kubernetesJobs } from "../../../lib/adapters/kubernetes/jobs.ts";
import { type Rest, restClient } from "../../../lib/adapters/kubernetes/rest.ts";
import { Busy, Refused } from "../../../lib/ports/dispatch.ts";
import { playedJobs } from "../../dispatch/played.ts";
import { describeStarter } from "../../dispatch/starter-suite.ts";
import { type FakeApi, fakeApi } from "./fake-api.ts";

let api: FakeApi;
let rest: Rest;
beforeAll(async () => {
  api = await fakeApi();
  rest = restClient(api.connection);
});
afterAll(async () => {
  rest.close();
  await api.stop();
});
afterEach(() => {
  api.instead = undefined;
});

describeStarter("Jobs of a cluster, over an API server that is played", async () =>
  playedJobs(kubernetesJobs(rest), {
    runs: async (job) => api.setPod(job, { phase: "Running" }),
    ends: async (job) => api.setPod(job, { phase: "Failed" }),
  }),
);

describe("the Jobs of a cluster", () => {
  const JOB = {
    kind: "Job",
    metadata: { name: "one", namespace: "default", labels: { app: "x" } },
    spec: { template: {} },
  };

  test("are made once, and read with their labels", async () => {
    const jobs = kubernetesJobs(rest);
    const made = await jobs.create(JOB);
    expect(made).toMatchObject({ labels: { app: "x" }, isOver: false, isSuspended: false });
    expect(await jobs.create(JOB)).toBe("exists");
    expect(await jobs.read("default", "one")).toEqual(made);
    expect(await jobs.read("default", "two")).toBeUndefined();
  });

  test("are suspended if their spec says so", async () => {
    const metadata = { name: "waits", namespace: "default" };
    expect(await kubernetesJobs(rest).create({ ...JOB, metadata, spec: { ...JOB.spec, suspend: true } })).toMatchObject(
      {
        isSuspended: true,
      },
    );
  });

  test("are removed only while they have this uid", async () => {
    const jobs = kubernetesJobs(rest);
    await jobs.create({ ...JOB, metadata: { name: "three", namespace: "default" } });
    await jobs.remove("default", "three", "another");
    expect(api.names("jobs")).toContain("three");
    await jobs.remove("default", "three", (await jobs.read("default", "three"))?.uid ?? "");
    await jobs.remove("default", "three", "gone");
    expect(api.names("jobs")).not.toContain("three");
  });

  test("are listed by their labels, without those that are being deleted", async () => {
    const jobs = kubernetesJobs(rest);
    const metadata = { namespace: "default", labels: { list: "yes" } };
    await jobs.create({ ...JOB, metadata: { ...metadata, name: "listed" } });
    await jobs.create({ ...JOB, metadata: { ...metadata, name: "going", deletionTimestamp: "2026-11-28T12:00:00Z" } });
    expect(await jobs.jobs("default", "list=yes")).toMatchObject([{ name: "listed", labels: { list: "yes" } }]);
  });

  test.each([429, 500, 503])("that an API server cannot serve with %i come again when it says", async (status) => {
    api.instead = { status, headers: { "retry-after": "7" } };
    await expect(kubernetesJobs(rest).jobs("default", "a=b")).rejects.toMatchObject({ again: 7000 });
    api.instead = { isCut: true };
    await expect(kubernetesJobs(rest).create(JOB)).rejects.toThrow(Busy);
  });

  test.each([400, 403, 404, 422])("that an API server refuses with %i are refused for good", async (status) => {
    api.instead = { status, body: { message: "Job.batch is invalid: spec", reason: "Invalid" } };
    await expect(kubernetesJobs(rest).create(JOB)).rejects.toThrow(Refused);
    await expect(kubernetesJobs(rest).create({})).rejects.toThrow("Job.batch is invalid");
  });

  test("that a quota has no room for are tried again", async () => {
    api.instead = {
      status: 403,
      body: { message: "jobs.batch is forbidden: exceeded quota: jobs", reason: "Forbidden" },
    };
    await expect(kubernetesJobs(rest).create(JOB)).rejects.not.toThrow(Refused);
  });

  test.each([409, 429, 500])("that fail with %i are tried again", async (status) => {
    api.instead = { status, body: { message: "later", reason: "Conflict" } };
    await expect(kubernetesJobs(rest).create(JOB)).rejects.not.toThrow(Refused);
    await expect(kubernetesJobs(rest).read("default", "x")).rejects.toThrow("later");
  });

  test("are over when a condition says so, or when they have succeeded", async () => {
    const jobs = kubernetesJobs(rest);
    const isOver = async (status: object): Promise<boolean | undefined> => {
      api.instead = { body: { metadata: { uid: "u" }, status } };
      return (await jobs.read("default", "x"))?.isOver;
    };
    expect(await isOver({ conditions: [{ type: "Failed", status: "True" }] })).toBe(true);
    expect(await isOver({ conditions: [{ type: "FailureTarget", status: "True" }] })).toBe(false);
    expect(await isOver({ succeeded: 1 })).toBe(true);
    expect(await isOver({ active: 1 })).toBe(false);
  });
});
