/** A JSON object of Kubernetes, whose form nobody has checked but the API server. */
export type Manifest = Readonly<Record<string, unknown>>;

export const isManifest = (value: unknown): value is Manifest =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const at = (value: Manifest, name: string): Manifest => {
  const found = value[name];
  return isManifest(found) ? found : {};
};

export const list = (value: Manifest, name: string): readonly Manifest[] => {
  const found = value[name];
  return Array.isArray(found) ? found.filter(isManifest) : [];
};

const without = (value: Manifest, ...names: readonly string[]): Manifest =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));

/** What the API server adds to an object. With it a copy is refused, or counts as the Job of somebody else. */
const OF_SERVER = [
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "generation",
  "managedFields",
  "selfLink",
  "ownerReferences",
  "finalizers",
  "name",
  "generateName",
  "namespace",
] as const;
/** Labels with which the Job controller finds the pods of one Job. */
const OF_CONTROLLER = [
  "controller-uid",
  "batch.kubernetes.io/controller-uid",
  "job-name",
  "batch.kubernetes.io/job-name",
] as const;
/** What belongs to one Job alone. */
const OF_ONE_JOB = ["selector", "manualSelector", "template", "suspend"] as const;
/**
 * What belongs to one pod: its node, and what the API server or a debugger has added. `priority` is the number of its
 * priority class, which the API server looks up again.
 */
const OF_ONE_POD = ["nodeName", "restartPolicy", "ephemeralContainers", "priority"] as const;
/** Ways in which Kubernetes would restart a pod by itself. */
const RESTARTS = [
  "podFailurePolicy",
  "successPolicy",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
  "completionMode",
] as const;
/** What kubectl apply leaves: the whole object as a text. */
const OF_KUBECTL = "kubectl.kubernetes.io/last-applied-configuration";

function cleanMetadata(metadata: Manifest): Manifest {
  return {
    ...without(metadata, ...OF_SERVER),
    labels: without(at(metadata, "labels"), ...OF_CONTROLLER),
    annotations: without(at(metadata, "annotations"), OF_KUBECTL),
  };
}

/**
 * A Job, a pod template or a pod as a template of Jobs: without what an API server has added. Undefined if it has no
 * container.
 */
export function cleaned(template: Manifest): { readonly job: Manifest; readonly pod: Manifest } | undefined {
  const spec = at(template, "spec");
  const isJob = isManifest(spec["template"]);
  const pod = isJob ? at(spec, "template") : template;
  if (list(at(pod, "spec"), "containers").length === 0) return undefined;
  const job = isJob ? without(spec, ...OF_ONE_JOB, ...RESTARTS) : {};
  return {
    job: { metadata: cleanMetadata(at(isJob ? template : {}, "metadata")), spec: job },
    pod: { metadata: cleanMetadata(at(pod, "metadata")), spec: without(at(pod, "spec"), ...OF_ONE_POD) },
  };
}
