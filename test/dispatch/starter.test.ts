import { expect, test } from "vitest";
import { memoryTemplates } from "../../lib/adapters/memory/templates.ts";
import { after, instant, seconds } from "../../lib/core/time.ts";
import { jobName } from "../../lib/dispatch/job/names.ts";
import { jobStarter } from "../../lib/dispatch/job/starter.ts";
import { Busy, Refused, type Starter } from "../../lib/ports/dispatch.ts";
import { requeueOf, TARGET } from "./announcements.ts";
import { type TestJobs, testJobs } from "./jobs.ts";
import { playedJobs } from "./played.ts";
import { describeStarter } from "./starter-suite.ts";

const NOW = instant(Date.parse("2026-11-22T12:00:00Z"));
const TEMPLATE = { spec: { containers: [{ name: "work", image: "busybox", command: ["sleep", "60"] }] } };
const AGENT = { image: "lastbeat-agent", url: "https://lastbeat.example" };

async function opened(template: object | undefined = TEMPLATE): Promise<{ starter: Starter; jobs: TestJobs }> {
  const jobs = testJobs();
  const templates = memoryTemplates();
  if (template !== undefined) await templates.keep(TARGET.template, template, after(NOW, seconds(3600)));
  return { jobs, starter: jobStarter(jobs, templates, TARGET, AGENT, () => NOW) };
}

describeStarter("Jobs of a cluster in memory", async () => {
  const jobs = testJobs();
  return playedJobs(jobs, {
    runs: async (job) => jobs.setPod(job, { phase: "Running" }),
    ends: async (job) => jobs.setPod(job, { phase: "Failed" }),
  });
});

test("a Job whose Secret was not made before a crash gets it with the next message", async () => {
  const { starter, jobs } = await opened();
  const createSecret = jobs.createSecret;
  jobs.createSecret = async () => {
    throw new Error("the connection is gone");
  };
  await expect(starter.nudge(requeueOf(1))).rejects.toThrow("the connection is gone");
  jobs.createSecret = createSecret;
  await starter.nudge(requeueOf(1));
  const secret = jobs.secrets.get(jobName("etl", 1));
  expect(secret).toMatchObject({
    stringData: { ticket: "a-ticket-1" },
    metadata: { ownerReferences: [{ kind: "Job", name: jobName("etl", 1), uid: "uid-1" }] },
  });
});

test("a template that is not stored any more is refused for good, and so is one without a container", async () => {
  const gone = await opened({});
  await expect(gone.starter.nudge(requeueOf(1))).rejects.toThrow(Refused);
  const templates = memoryTemplates();
  const starter = jobStarter(testJobs(), templates, TARGET, AGENT, () => NOW);
  await expect(starter.nudge(requeueOf(1))).rejects.toThrow("register the run with it again");
});

test("a Job that a queue lets wait is suspended, and is ended like any other when the next attempt is due", async () => {
  const { starter, jobs } = await opened();
  await starter.nudge(requeueOf(1));
  jobs.setSuspended(jobName("etl", 1));
  expect(await starter.look(requeueOf(1))).toEqual({ before: "gone", next: "suspended" });
  expect(await starter.look(requeueOf(2))).toMatchObject({ before: "there" });
  await starter.fence(requeueOf(2));
  expect(jobs.removed).toEqual([jobName("etl", 1)]);
});

test("a pod that no node has room for waits for a machine", async () => {
  const { starter, jobs } = await opened();
  await starter.nudge(requeueOf(1));
  const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }];
  jobs.setPod(jobName("etl", 1), { phase: "Pending", conditions });
  expect(await starter.look(requeueOf(1))).toEqual({ before: "gone", next: "coming" });
});

test("a pod that cannot begin is shown with the reason", async () => {
  const { starter, jobs } = await opened();
  await starter.nudge(requeueOf(1));
  jobs.setPod(jobName("etl", 1), {
    phase: "Failed",
    containerStatuses: [{ name: "work", state: { terminated: { exitCode: 128, reason: "StartError" } } }],
  });
  expect(await starter.look(requeueOf(1))).toMatchObject({ failed: { cause: "unstartable" } });
});

test("a Job of an earlier life of the run id is an attempt before, and gives its name free", async () => {
  const { starter, jobs } = await opened();
  await starter.nudge(requeueOf(1, { fence: 17 }));
  jobs.setPod(jobName("etl", 1), { phase: "Failed" });
  expect(await starter.look(requeueOf(1))).toEqual({ before: "gone", next: "none" });
  await expect(starter.nudge(requeueOf(1))).rejects.toThrow(Busy);
  await starter.nudge(requeueOf(1));
  expect(jobs.made.get(jobName("etl", 1))?.job.labels["lastbeat.dev/fence"]).toBe(String(requeueOf(1).fence));
  await expect(starter.nudge(requeueOf(1, { fence: 17 }))).rejects.toThrow(Refused);
});

test("a pod that ends for long is an attempt before for all that follow, and so is one that Lastbeat has not made", async () => {
  const { starter, jobs } = await opened();
  await starter.nudge(requeueOf(1));
  jobs.setPod(jobName("etl", 1), { phase: "Running" }, "2026-11-22T11:00:00Z");
  await starter.nudge(requeueOf(2));
  jobs.setPod(jobName("etl", 2), undefined);
  jobs.setOver(jobName("etl", 2));
  expect(await starter.look(requeueOf(3))).toEqual({ before: "ending", next: "none" });
  jobs.setPod(jobName("etl", 1), undefined);
  jobs.setOver(jobName("etl", 1));
  expect(await starter.look(requeueOf(3))).toEqual({ before: "gone", next: "none" });
  jobs.addPod("theirs", { "lastbeat.dev/run": "etl" }, { phase: "Running" });
  expect(await starter.look(requeueOf(3))).toEqual({ before: "there", next: "none" });
  await starter.fence(requeueOf(3));
  expect(jobs.removed).toEqual([]);
});

test("a Job that has no pod yet is ended before its pod can begin", async () => {
  const { starter, jobs } = await opened();
  await starter.nudge(requeueOf(1));
  jobs.setPod(jobName("etl", 1), undefined);
  expect(await starter.look(requeueOf(2))).toEqual({ before: "there", next: "none" });
  await starter.fence(requeueOf(2));
  expect(jobs.removed).toEqual([jobName("etl", 1)]);
});

test("an attempt without an agent has no Secret, waits for all pods before, and its end is not a failed start", async () => {
  const jobs = testJobs();
  const templates = memoryTemplates();
  await templates.keep(TARGET.template, { spec: { containers: [{ name: "work" }] } }, after(NOW, seconds(3600)));
  const starter = jobStarter(jobs, templates, { ...TARGET, agent: "none" }, AGENT, () => NOW);
  expect([starter.isEndAwaited, starter.isGated]).toEqual([true, false]);
  await starter.nudge(requeueOf(1));
  expect(jobs.secrets.size).toBe(0);
  jobs.setPod(jobName("etl", 1), { phase: "Failed" });
  jobs.setOver(jobName("etl", 1));
  expect(await starter.look(requeueOf(1))).toEqual({ before: "gone", next: "started" });
  jobs.setPod(jobName("etl", 1), undefined);
  expect(await starter.look(requeueOf(1))).toMatchObject({ next: "over", failed: { cause: "never-started" } });
});

test("a pod that has begun keeps its log when its attempt is withdrawn", async () => {
  const { starter, jobs } = await opened();
  await starter.nudge(requeueOf(1));
  jobs.setPod(jobName("etl", 1), { phase: "Failed" });
  await starter.withdraw(requeueOf(1));
  expect(jobs.removed).toEqual([]);
});
