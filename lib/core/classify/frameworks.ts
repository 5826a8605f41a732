/** The label with the fence of an attempt, on the pods that Lastbeat makes. */
export const FENCE_LABEL = "lastbeat.dev/fence";

/** How the pods of one framework are recognized, and which of their containers does the work. */
export type Framework = {
  readonly name: string;
  /** A label that every pod of a run has, and whose value names the run. */
  readonly label: string;
  /** The container that does the work, by name; absent where it is the first. */
  readonly work?: readonly string[];
  /** Containers whose failure is the framework's own, and none of the work. */
  readonly own?: readonly string[];
  /** Its pods live and die together. */
  readonly isGang?: true;
  /** A label with the role of a member, and the role whose success is the success of all. */
  readonly leader?: { readonly label: string; readonly is: readonly string[] };
};

/**
 * Sources: the labels that each framework puts on its pods (prefect-kubernetes 0.8, the Kubernetes provider of Airflow
 * 3, Flyte 1.16 and 2, Argo Workflows 4, training-operator 1.9, MPI operator 0.8, JobSet 0.11, Spark 4, KubeRay 1.6,
 * Kubernetes 1.35). The first whose label a pod has is its framework, so plain Jobs come last: most of the others make
 * Jobs.
 */
export const FRAMEWORKS: readonly Framework[] = [
  { name: "lastbeat", label: "lastbeat.dev/run" },
  { name: "prefect", label: "prefect.io/flow-run-id", work: ["prefect-job"] },
  { name: "airflow", label: "kubernetes_pod_operator", work: ["base"], own: ["airflow-xcom-sidecar"] },
  { name: "airflow", label: "airflow_version", work: ["base"], own: ["airflow-xcom-sidecar"] },
  { name: "flyte-2", label: "flyte.org/managed" },
  { name: "flyte-1", label: "execution-id" },
  { name: "argo", label: "workflows.argoproj.io/workflow", work: ["main"], own: ["wait", "init"] },
  {
    name: "kubeflow",
    label: "training.kubeflow.org/job-name",
    work: ["pytorch", "tensorflow", "mpi", "xgboost", "paddle", "jax"],
    isGang: true,
    leader: { label: "training.kubeflow.org/replica-type", is: ["master", "chief", "launcher"] },
  },
  {
    name: "spark",
    label: "spark-app-selector",
    work: ["spark-kubernetes-driver", "spark-kubernetes-executor"],
    isGang: true,
    leader: { label: "spark-role", is: ["driver"] },
  },
  {
    name: "ray",
    label: "ray.io/cluster",
    work: ["ray-head", "ray-worker"],
    isGang: true,
    leader: { label: "ray.io/node-type", is: ["head"] },
  },
  { name: "jobset", label: "jobset.sigs.k8s.io/jobset-name", work: ["node", "trainer"], isGang: true },
  { name: "job", label: "batch.kubernetes.io/job-name" },
  { name: "job", label: "job-name" },
];

/** The framework that a pod with these labels belongs to; undefined for a bare pod. */
export const frameworkOf = (labels: Readonly<Record<string, string>>): Framework | undefined =>
  FRAMEWORKS.find(({ label }) => labels[label] !== undefined);

/** The label that all members of a gang share, with its value; undefined for a pod that is in none. */
export function gangOf(labels: Readonly<Record<string, string>>): { label: string; value: string } | undefined {
  const label = FRAMEWORKS.find((each) => each.isGang === true && labels[each.label] !== undefined)?.label;
  return label === undefined ? undefined : { label, value: String(labels[label]) };
}

/** Containers that webhooks and frameworks put beside the work. Their end says nothing about it. */
const BESIDE =
  /^(wait|istio-(proxy|init)|linkerd-(proxy|init)|envoy|vault-agent(-init)?|cloud-?sql-proxy|airflow-xcom-sidecar|datadog-agent|fluent-?bit|git-sync|sidecar|lastbeat|queue-proxy)$/;

/** Whether a container of this name stands beside the work, whatever framework made the pod. */
export const standsBeside = (name: string): boolean => BESIDE.test(name);

/** Names of the container that does the work in any framework, for pods whose labels were not kept. */
const WORK: ReadonlySet<string> = new Set(FRAMEWORKS.flatMap(({ work }) => work ?? []));
export const isWorkName = (name: string): boolean => WORK.has(name);
