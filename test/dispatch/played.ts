import { memoryTemplates } from "../../lib/adapters/memory/templates.ts";
import { after, instant, seconds } from "../../lib/core/time.ts";
import { jobName } from "../../lib/dispatch/job/names.ts";
import { jobStarter } from "../../lib/dispatch/job/starter.ts";
import type { JobCluster } from "../../lib/ports/jobs.ts";
import { requeueOf, TARGET } from "./announcements.ts";
import type { Played } from "./starter-suite.ts";

const NOW = instant(Date.parse("2026-11-22T12:00:00Z"));
const TEMPLATE = { spec: { containers: [{ name: "work", image: "busybox", command: ["sleep", "60"] }] } };
const AGENT = { image: "lastbeat-agent", url: "https://lastbeat.example" };

/** What the kubelet does to the pod of a Job of this name. */
export type Kubelet = { runs(job: string): Promise<void>; ends(job: string): Promise<void> };

let runs = 0;

/** Jobs of a cluster as a target that a test can play with; each time for another run. */
export async function playedJobs(jobs: JobCluster, kubelet: Kubelet): Promise<Played> {
  runs += 1;
  const run = `played-${process.pid}-${runs}`;
  const templates = memoryTemplates();
  await templates.keep(TARGET.template, TEMPLATE, after(NOW, seconds(3600)));
  const name = (attempt: number): string => jobName(run, attempt);
  return {
    starter: jobStarter(jobs, templates, TARGET, AGENT, () => NOW),
    requeue: (attempt) => requeueOf(attempt, { run }),
    starts: async (attempt) => ((await jobs.read("default", name(attempt))) === undefined ? 0 : 1),
    runs: (attempt) => kubelet.runs(name(attempt)),
    ends: (attempt) => kubelet.ends(name(attempt)),
    takes: async (attempt) => {
      const spec = {
        template: { spec: { restartPolicy: "Never", containers: [{ name: "theirs", image: "busybox" }] } },
      };
      await jobs.create({
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: name(attempt), namespace: "default" },
        spec,
      });
    },
  };
}
