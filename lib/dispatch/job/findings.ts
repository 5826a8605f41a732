import { FRAMEWORKS } from "../../core/classify/frameworks.ts";
import type { Finding } from "../../stack/doctor/finding.ts";
import { POD_LABEL } from "../../wire/pods.ts";
import { at, list, type Manifest } from "./template.ts";

/** What a cluster shows of the Jobs and pods of ours. */
export type Shown = { readonly jobs: readonly Manifest[]; readonly pods: readonly Manifest[] };

/** A rule about one object: what is wrong with it, and how to mend that. */
type Rule = {
  readonly state: "warning" | "problem";
  readonly check: string;
  /** What is wrong; undefined if nothing is. */
  readonly wrong: (object: Manifest) => string | undefined;
  readonly fix: string;
};

/** 90 s of a drain without a deadline, and the time that an agent needs to report. */
const GRACE_SECONDS = 120;

const metadata = (object: Manifest, kind: "labels" | "annotations"): Manifest => at(at(object, "metadata"), kind);

const OF_JOBS: readonly Rule[] = [
  {
    state: "problem",
    check: "second restarter",
    wrong: (job) => {
      const limit = at(job, "spec")["backoffLimit"] ?? 6;
      return limit === 0 ? undefined : `its backoffLimit is ${limit}: Kubernetes starts its pod again beside Lastbeat`;
    },
    fix: "set backoffLimit: 0 in the Job",
  },
  {
    state: "problem",
    check: "second restarter",
    wrong: (job) => {
      const rules = list(at(at(job, "spec"), "podFailurePolicy"), "rules");
      return rules.some(({ action }) => action === "Ignore")
        ? "its podFailurePolicy ignores some failures: Kubernetes replaces such a pod without counting it"
        : undefined;
    },
    fix: "leave the rules with the action Ignore out",
  },
  {
    state: "problem",
    check: "second restarter",
    wrong: (job) =>
      at(at(at(job, "spec"), "template"), "spec")["restartPolicy"] === "Never"
        ? undefined
        : "its pod has no restartPolicy Never: the kubelet starts its container again",
    fix: "set restartPolicy: Never in the template of its pod",
  },
  {
    state: "warning",
    check: "overlap",
    wrong: (job) =>
      at(job, "spec")["podReplacementPolicy"] === "Failed"
        ? undefined
        : "its podReplacementPolicy is not Failed: a pod that is still ending counts as failed",
    fix: "set podReplacementPolicy: Failed",
  },
];

/** Frameworks with retries of their own. */
const RETRYING = new Set(["prefect", "airflow", "flyte-1", "flyte-2", "argo", "kubeflow", "jobset", "spark", "ray"]);

const OF_PODS: readonly Rule[] = [
  {
    state: "warning",
    check: "second restarter",
    wrong: (pod) => {
      const labels = metadata(pod, "labels");
      const found = FRAMEWORKS.find(({ name, label }) => RETRYING.has(name) && labels[label] !== undefined);
      return found && `it is made by ${found.name}, which may start it again by itself`;
    },
    fix: "turn the retries of that system off for these pods",
  },
  {
    state: "warning",
    check: "autoscaler",
    wrong: (pod) => {
      const annotations = metadata(pod, "annotations");
      const missing = [
        ["cluster-autoscaler.kubernetes.io/safe-to-evict", "false"],
        ["karpenter.sh/do-not-disrupt", "true"],
      ].filter(([name, value]) => annotations[String(name)] !== value);
      return missing.length === 0
        ? undefined
        : `an autoscaler may move it: ${missing.map(([name]) => name).join(" and ")} not set`;
    },
    fix: 'annotate the pod with safe-to-evict: "false" and do-not-disrupt: "true"',
  },
  {
    state: "warning",
    check: "grace",
    wrong: (pod) => {
      const grace = Number(at(pod, "spec")["terminationGracePeriodSeconds"] ?? 30);
      return grace >= GRACE_SECONDS ? undefined : `it has ${grace} s to end: less than a drain and a report may take`;
    },
    fix: `set terminationGracePeriodSeconds to ${GRACE_SECONDS} or more`,
  },
];

const nameOf = (object: Manifest): string => {
  const { namespace, name } = at(object, "metadata");
  return `${namespace}/${name}`;
};

/** One finding for all objects with which the same is wrong: it names the first of them. */
function findingOf({ state, check, wrong, fix }: Rule, kind: string, objects: readonly Manifest[]): readonly Finding[] {
  const found = objects.flatMap((object) => {
    const says = wrong(object);
    return says === undefined ? [] : [`${kind} ${nameOf(object)}: ${says}`];
  });
  const [first] = found;
  if (first === undefined) return [];
  const others = found.length === 1 ? "" : `, and so it is with ${found.length - 1} more`;
  return [{ state, check, says: `${first}${others}`, fix }];
}

/** What is wrong with the Jobs and pods of ours, and how to mend it. */
export function findingsOf({ jobs, pods }: Shown): readonly Finding[] {
  const found = [
    ...OF_JOBS.flatMap((rule) => findingOf(rule, "Job", jobs)),
    ...OF_PODS.flatMap((rule) => findingOf(rule, "pod", pods)),
  ];
  if (jobs.length + pods.length === 0)
    return [{ state: "ok", check: "pods", says: `no pod has the label ${POD_LABEL}: there is nothing to look at` }];
  const counted = `${jobs.length} Jobs and ${pods.length} pods with the label ${POD_LABEL}`;
  return [{ state: "ok", check: "pods", says: counted }, ...found];
}
