import type { JobTarget } from "../../core/spec.ts";
import { type Instant, seconds } from "../../core/time.ts";
import { Busy, Refused, type Requeue, type Starter, type Templates } from "../../ports/dispatch.ts";
import type { JobCluster, SeenJob } from "../../ports/jobs.ts";
import { runNamed } from "../../wire/pods.ts";
import type { AgentSettings } from "./agent.ts";
import { type Found, hasBegun, jobOfAttempt, jobsBefore, leftBefore, shownNext } from "./found.ts";
import { fenceOf, selectorOf } from "./labels.ts";
import { jobOf, secretOf, wrongWith } from "./manifest.ts";
import { jobName } from "./names.ts";
import { isManifest, type Manifest } from "./template.ts";

/** A Job that is deleted is gone within a second or two, and its name is free. */
const NAME_IS_FREE = seconds(5);

/** Starts attempts as Jobs of one cluster. */
export function jobStarter(
  cluster: JobCluster,
  templates: Templates,
  target: JobTarget,
  agent: AgentSettings,
  now: () => Instant,
): Starter {
  const { namespace } = target;
  const isAlone = target.agent === "none";

  const templateOf = async (): Promise<object> => {
    const template = await templates.read(target.template, now());
    if (template === undefined)
      throw new Refused(`the template ${target.template} is not stored any more: register the run with it again`, {
        isOwn: true,
      });
    return template;
  };

  /** All that the cluster has of the run. */
  const find = async (run: string): Promise<Found> => {
    const selector = selectorOf(run);
    const [jobs, pods] = await Promise.all([cluster.jobs(namespace, selector), cluster.pods(namespace, selector)]);
    return {
      jobs: jobs.filter((job) => runNamed(job) === run),
      pods: pods.filter(({ facts }) => runNamed(facts) === run),
    };
  };

  const end = ({ name, uid }: SeenJob): Promise<void> => cluster.remove(namespace, name, uid);

  /** The Job of this name, which is not the one that was to be made now. It stands in the way. */
  const clear = async (job: SeenJob, { run, fence }: Requeue): Promise<never> => {
    const own = fenceOf(job);
    const { name } = job;
    if (runNamed(job) !== run || own === undefined || own > fence)
      throw new Refused(`another Job has the name ${namespace}/${name}: delete it, and requeue the run`, {
        isOwn: false,
      });
    await end(job); // it is of an earlier life of the run id
    throw new Busy(`the Job ${namespace}/${name} of an earlier run is deleted first`, NAME_IS_FREE);
  };

  return {
    // A pod without an agent is neither stopped by it, nor kept at the gate.
    isEndAwaited: target.minFence === "pod" || isAlone,
    isGated: !isAlone,
    isSeen: true,

    look: async ({ run, fence }) => {
      const found = await find(run);
      return { before: leftBefore(found, fence), ...shownNext(found, fence, now(), isAlone) };
    },

    fence: async ({ run, fence }) => {
      for (const job of jobsBefore(await find(run), fence)) await end(job);
    },

    withdraw: async ({ run, fence }) => {
      const found = await find(run);
      const job = jobOfAttempt(found, fence);
      if (job !== undefined && !hasBegun(found, fence)) await end(job);
    },

    nudge: async (requeue) => {
      const template = await templateOf();
      const wrong = isManifest(template) ? wrongWith(template, target) : "the template is no object";
      if (wrong !== undefined) throw new Refused(wrong, { isOwn: true });
      const job = jobOf(template as Manifest, requeue, target, agent) as Manifest;
      const made = await cluster.create(job);
      const found = made === "exists" ? await cluster.read(namespace, jobName(requeue.run, requeue.attempt)) : made;
      if (found === undefined) return; // it has gone again meanwhile; the next look finds that
      if (runNamed(found) !== requeue.run || fenceOf(found) !== requeue.fence) await clear(found, requeue);
      if (!isAlone) await cluster.createSecret(secretOf(requeue, target, found.uid));
    },
  };
}
