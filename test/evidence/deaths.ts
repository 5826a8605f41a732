import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Label, labelOf } from "../../lib/cli/labels.ts";
import { classify } from "../../lib/core/classify/classify.ts";
import { instant } from "../../lib/core/time.ts";
import { type Kept, readFacts } from "../../lib/evidence/facts.ts";

export type Death = { readonly name: string; readonly kept: Kept; readonly accept: readonly Label[] };

const NOW = instant(Date.parse("2026-11-28T02:00:00Z"));

export const labelled = (kept: Kept): Label => labelOf(classify(readFacts(kept, NOW), NOW).verdict);

/** Cut from public issues, documents and fixtures; each file names its source, and every answer that is right. */
export const SAMPLES: readonly Death[] = globSync("test/evidence/deaths/*.json")
  .sort()
  .map((file) => {
    const { input, node, accept } = JSON.parse(readFileSync(file, "utf8"));
    return { name: basename(file, ".json"), kept: { input, node }, accept };
  });

type Status = Readonly<Record<string, unknown>>;

const pod = (status: Status, more: Status = {}): Kept => ({ input: { kind: "Pod", ...more, status } });
const ended = (exitCode: number, reason: string, more: Status = {}): Status => ({
  name: "work",
  state: { terminated: { exitCode, reason, ...more } },
});
const failed = (status: Status, more: Status = {}): Kept => pod({ phase: "Failed", ...status }, more);
const exit = (exitCode: number, more: Status = {}): Kept => ({ input: { exitCode, ...more } });
const waiting = (reason: string, message?: string): Kept =>
  pod({ phase: "Pending", containerStatuses: [{ name: "work", state: { waiting: { reason, message } } }] });
const job = (conditions: readonly Status[], more: Status = {}): Kept => ({
  input: { kind: "Job", status: { conditions, ...more } },
});
const event = (reason: string, message: string, more: Status = {}): Kept => ({
  input: { kind: "Event", reason, message, involvedObject: { kind: "Pod", name: "work" }, ...more },
});
const aws = (type: string, detail: Status, more: Status = {}): Kept => ({
  input: {
    version: "0",
    id: "11111111-2222-3333-4444-555555555555",
    "detail-type": type,
    source: "aws.ec2",
    detail,
    ...more,
  },
});
const disrupted = (reason: string, at = "2026-11-28T01:00:10Z"): Status => ({
  type: "DisruptionTarget",
  status: "True",
  reason,
  lastTransitionTime: at,
});
const GONE = { exists: false };
const INSTANCE = "i-0123456789abcdef0";
const group = (cause: string): Kept => ({
  input: { Description: `Terminating EC2 instance: ${INSTANCE}`, StatusCode: "Successful", Cause: cause },
});

/** What else happens to pods: each line was built from what a component writes, as its source or its documents have it. */
export const CASES: readonly (readonly [name: string, kept: Kept, ...accept: readonly Label[]])[] = [
  // The end of the work itself.
  ["exit code 1", failed({ containerStatuses: [ended(1, "Error")] }), "user-failure"],
  ["a segmentation fault", failed({ containerStatuses: [ended(139, "Error")] }), "user-failure"],
  ["an abort", exit(134), "user-failure"],
  ["exit code 0", exit(0), "success"],
  ["exit code 137 alone", exit(137), "ambiguous"],
  ["exit code 143 alone", exit(143), "ambiguous"],
  ["SIGKILL as Python has it", exit(-9), "ambiguous"],
  ["SIGKILL as a byte", exit(247), "ambiguous"],
  ["exit code 127", exit(127, { message: "train.sh: command not found" }), "user-failure"],
  ["CUDA out of memory", exit(1, { message: "torch.cuda.OutOfMemoryError: CUDA out of memory." }), "user-failure"],
  ["OOMKilled as an exit", exit(137, { reason: "OOMKilled" }), "oom"],
  ["a memory cgroup", exit(137, { message: "Memory cgroup out of memory: Killed process 4711 (python)" }), "oom"],
  ["succeeded", pod({ phase: "Succeeded", containerStatuses: [ended(0, "Completed")] }), "success"],
  [
    "succeeded on a node that then shut down",
    pod({
      phase: "Succeeded",
      reason: "Terminated",
      message: "Pod was terminated in response to imminent node shutdown.",
      conditions: [disrupted("TerminationByKubelet")],
      containerStatuses: [ended(0, "Completed")],
    }),
    "success",
  ],
  [
    "done, and then turned away by a new kubelet",
    failed({
      reason: "UnexpectedAdmissionError",
      message: "Pod was rejected: Allocate failed due to no healthy devices present",
      containerStatuses: [ended(0, "Completed")],
    }),
    "success",
  ],
  [
    "done, while a proxy beside it was killed",
    failed(
      {
        containerStatuses: [
          ended(0, "Completed"),
          { name: "istio-proxy", state: { terminated: { exitCode: 137, reason: "Error" } } },
        ],
      },
      { spec: { containers: [{ name: "work" }, { name: "istio-proxy" }] } },
    ),
    "success",
  ],
  [
    "the work failed, and its proxy did not",
    failed(
      {
        containerStatuses: [
          { name: "istio-proxy", state: { terminated: { exitCode: 0, reason: "Completed" } } },
          ended(3, "Error"),
        ],
      },
      { spec: { containers: [{ name: "istio-proxy" }, { name: "work" }] } },
    ),
    "user-failure",
  ],
  [
    "done, but Argo's own container failed",
    failed(
      {
        containerStatuses: [
          { name: "main", state: { terminated: { exitCode: 0, reason: "Completed" } } },
          { name: "wait", state: { terminated: { exitCode: 64, reason: "Error", message: "failed to save outputs" } } },
        ],
      },
      { metadata: { labels: { "workflows.argoproj.io/workflow": "w" } } },
    ),
    "system-failure",
    "success",
  ],
  // Memory.
  ["OOMKilled", failed({ containerStatuses: [ended(137, "OOMKilled")] }), "oom"],
  [
    "OOMKilled in a loop",
    pod({
      phase: "Running",
      containerStatuses: [
        {
          name: "work",
          restartCount: 4,
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
        },
      ],
    }),
    "oom",
  ],
  [
    "OOMKilled, and the node went later",
    failed({
      conditions: [disrupted("DeletionByPodGC")],
      containerStatuses: [ended(137, "OOMKilled", { finishedAt: "2026-11-28T01:00:00Z" })],
    }),
    "oom",
  ],
  [
    "an init container out of memory",
    failed({
      initContainerStatuses: [{ name: "unpack", state: { terminated: { exitCode: 137, reason: "OOMKilled" } } }],
      containerStatuses: [{ name: "work", state: { waiting: { reason: "PodInitializing" } } }],
    }),
    "oom",
  ],
  ["the kernel tells of it", event("OOMKilling", "Memory cgroup out of memory: Killed process 99 (python)"), "oom"],
  // Capacity that was taken.
  ...[
    "EvictionByEvictionAPI",
    "PreemptionByScheduler",
    "PreemptionByKubeScheduler",
    "DeletionByTaintManager",
    "DeletionByPodGC",
    "TerminationByKubelet",
    "DeletionByGCPControllerManager",
    "SomethingNew",
  ].map((reason): readonly [string, Kept, ...Label[]] => [
    `a disruption by ${reason}`,
    failed({
      conditions: [disrupted(reason)],
      containerStatuses: [ended(143, "Error", { finishedAt: "2026-11-28T01:00:20Z" })],
    }),
    "preemption",
  ]),
  [
    "an eviction to which the work answers with 1",
    failed({
      conditions: [disrupted("EvictionByEvictionAPI")],
      containerStatuses: [ended(1, "Error", { finishedAt: "2026-11-28T01:00:20Z" })],
    }),
    "preemption",
  ],
  [
    "an eviction to which the work answers with 0",
    failed({
      conditions: [disrupted("EvictionByEvictionAPI")],
      containerStatuses: [ended(0, "Completed", { finishedAt: "2026-11-28T01:00:20Z" })],
    }),
    "preemption",
  ],
  [
    "a failure before the eviction",
    failed({
      conditions: [disrupted("DeletionByPodGC")],
      containerStatuses: [ended(1, "Error", { finishedAt: "2026-11-28T00:59:00Z" })],
    }),
    "user-failure",
  ],
  [
    "a node shutdown with exit code 2",
    failed({
      reason: "Terminated",
      message: "Pod was terminated in response to imminent node shutdown.",
      containerStatuses: [ended(2, "Error")],
    }),
    "preemption",
  ],
  [
    "turned away by a node that shuts down",
    failed({ reason: "NodeShutdown", message: "Pod was rejected as the node is shutting down." }),
    "preemption",
  ],
  [
    "preempted by the kubelet",
    failed({ reason: "Preempting", message: "Preempted in order to admit critical pod" }),
    "preemption",
  ],
  [
    "low on memory",
    failed({
      reason: "Evicted",
      message:
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 92Mi. Container work was using 9Gi, request is 1Gi, has larger consumption of memory. ",
    }),
    "preemption",
    "system-failure",
  ],
  [
    "low on inodes",
    failed({ reason: "Evicted", message: "The node was low on resource: inodes. " }),
    "preemption",
    "system-failure",
  ],
  ["evicted, and that is all", failed({ reason: "Evicted" }), "preemption"],
  [
    "deleted on a node that Karpenter empties",
    {
      ...failed(
        { containerStatuses: [ended(1, "Error")] },
        { metadata: { deletionTimestamp: "2026-11-28T01:00:00Z" } },
      ),
      node: { spec: { taints: [{ key: "karpenter.sh/disrupted", effect: "NoSchedule" }] } },
    },
    "preemption",
  ],
  [
    "killed on a node that the autoscaler removes",
    {
      ...failed({ containerStatuses: [ended(137, "Error")] }),
      node: {
        spec: { taints: [{ key: "ToBeDeletedByClusterAutoscaler", value: "1795305600", effect: "NoSchedule" }] },
      },
    },
    "preemption",
  ],
  [
    "killed on a node with a spot notice",
    {
      ...failed({ containerStatuses: [ended(137, "Error")] }),
      node: { spec: { taints: [{ key: "aws-node-termination-handler/spot-itn", effect: "NoExecute" }] } },
    },
    "preemption",
  ],
  [
    "killed on a node that the autoscaler only considers",
    {
      ...failed({ containerStatuses: [ended(137, "Error")] }),
      node: { spec: { taints: [{ key: "DeletionCandidateOfClusterAutoscaler", effect: "PreferNoSchedule" }] } },
    },
    "ambiguous",
  ],
  [
    "crashed on a node that is being emptied",
    {
      ...failed({ containerStatuses: [ended(3, "Error")] }),
      node: { spec: { taints: [{ key: "karpenter.sh/disrupted", effect: "NoSchedule" }] } },
    },
    "user-failure",
    "preemption",
  ],
  [
    "killed, and EC2 took the instance",
    {
      ...failed({ containerStatuses: [ended(137, "Error")] }),
      node: { InstanceId: INSTANCE, StateReason: { Code: "Server.SpotInstanceTermination" } },
    },
    "preemption",
  ],
  [
    "Karpenter evicts",
    event("Evicted", "Evicted pod: Underutilized", { source: { component: "karpenter" } }),
    "preemption",
  ],
  [
    "Karpenter deletes",
    event(
      "Disrupted",
      "Deleting the pod to accommodate the terminationTime 2026-11-28 of the node. This bypasses the PDB.",
    ),
    "preemption",
  ],
  ["the autoscaler deletes", event("ScaleDown", "deleting pod for node scale down"), "preemption"],
  ["the scheduler preempts", event("Preempted", "Preempted by pod 5e1 on node n1"), "preemption"],
  ["the taint manager deletes", event("TaintManagerEviction", "Marking for deletion Pod default/work"), "preemption"],
  [
    "Kueue stops a Job",
    event("Stopped", "Preempted to accommodate a workload (UID: 1) due to prioritization", {
      involvedObject: { kind: "Job" },
    }),
    "preemption",
  ],
  [
    "a termination handler drains",
    event("SpotInterruption", "Spot Interruption notice for i-1 was received", { involvedObject: { kind: "Node" } }),
    "preemption",
  ],
  // Quotas and deadlines of the user.
  [
    "the deadline of the pod",
    failed({
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
      containerStatuses: [ended(143, "Error")],
    }),
    "user-failure",
  ],
  [
    "the deadline, with exit code 0",
    failed({
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
      containerStatuses: [ended(0, "Completed")],
    }),
    "user-failure",
  ],
  [
    "the deadline, with a disruption beside it",
    failed({
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
      conditions: [disrupted("DeadlineExceeded")],
      containerStatuses: [ended(137, "Error")],
    }),
    "user-failure",
  ],
  [
    "a volume beyond its limit",
    failed({ reason: "Evicted", message: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Gi". ' }),
    "user-failure",
  ],
  [
    "a container beyond its disk",
    failed({ reason: "Evicted", message: 'Container work exceeded its local ephemeral storage limit "2Gi". ' }),
    "user-failure",
  ],
  // What cannot start.
  [
    "an image that is not there",
    waiting("ErrImagePull", 'failed to pull and unpack image "x:1": manifest unknown: not found'),
    "user-failure",
  ],
  ["an image that is waited for", waiting("ImagePullBackOff", 'Back-off pulling image "x:1"'), "user-failure"],
  ["a name that is none", waiting("InvalidImageName", "couldn't parse image name"), "user-failure"],
  ["a missing secret", waiting("CreateContainerConfigError", 'secret "db" not found'), "user-failure"],
  [
    "a command that is not there",
    failed({
      containerStatuses: [
        ended(128, "StartError", { message: 'exec: "train": executable file not found in $PATH: unknown' }),
      ],
    }),
    "user-failure",
  ],
  [
    "a registry that refuses for now",
    waiting("ErrImagePull", "429 Too Many Requests - Server message: toomanyrequests"),
    "system-failure",
    "not-dead",
  ],
  [
    "a registry that cannot be reached",
    waiting("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout"),
    "system-failure",
    "not-dead",
  ],
  [
    "a loop",
    pod({
      phase: "Running",
      containerStatuses: [
        {
          name: "work",
          restartCount: 9,
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { exitCode: 1, reason: "Error" } },
        },
      ],
    }),
    "user-failure",
  ],
  // The platform.
  ...["OutOfcpu", "OutOfmemory", "OutOfpods", "NodeAffinity", "TopologyAffinityError", "UnexpectedAdmissionError"].map(
    (reason): readonly [string, Kept, ...Label[]] => [
      `turned away: ${reason}`,
      failed({ reason, message: "Pod was rejected: Node didn't have enough resource" }),
      "system-failure",
    ],
  ),
  [
    "a sandbox that is not made",
    event(
      "FailedCreatePodSandBox",
      "Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
    ),
    "system-failure",
    "not-dead",
  ],
  [
    "running on a node that is gone",
    { ...pod({ phase: "Running", containerStatuses: [{ name: "work", state: { running: {} } }] }), node: GONE },
    "system-failure",
  ],
  [
    "running on a spot instance that EC2 took",
    {
      ...pod({ phase: "Running", containerStatuses: [{ name: "work", state: { running: {} } }] }),
      node: { exists: false, StateReason: { Code: "Server.SpotInstanceTermination" } },
    },
    "preemption",
  ],
  [
    "a node that does not answer",
    pod({
      phase: "Running",
      reason: "NodeLost",
      message: "Node n1 which was running pod work is unresponsive",
      containerStatuses: [{ name: "work", state: { running: {} } }],
    }),
    "ambiguous",
    "not-dead",
  ],
  [
    "a node that does not answer, and the pod was deleted long ago",
    pod(
      { phase: "Running", reason: "NodeLost", message: "Node n1 which was running pod work is unresponsive" },
      { metadata: { deletionTimestamp: "2026-11-28T01:00:00Z" } },
    ),
    "system-failure",
  ],
  ["the phase Unknown", pod({ phase: "Unknown" }), "ambiguous"],
  [
    "an instance with a fault",
    { input: { Instance: { InstanceId: INSTANCE, StateReason: { Code: "Server.InternalError" } } } },
    "system-failure",
  ],
  [
    "an instance that a call ended",
    {
      input: {
        Instance: {
          InstanceId: INSTANCE,
          State: { Name: "terminated" },
          StateReason: { Code: "Client.UserInitiatedShutdown" },
        },
      },
    },
    "ambiguous",
    "system-failure",
  ],
  // Alive.
  ["running", pod({ phase: "Running", containerStatuses: [{ name: "work", state: { running: {} } }] }), "not-dead"],
  [
    "running, and restarted before",
    pod({
      phase: "Running",
      containerStatuses: [
        {
          name: "work",
          restartCount: 1,
          state: { running: {} },
          lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
        },
      ],
    }),
    "not-dead",
  ],
  [
    "running, and told to leave",
    pod(
      {
        phase: "Running",
        conditions: [disrupted("EvictionByEvictionAPI")],
        containerStatuses: [{ name: "work", state: { running: {} } }],
      },
      { metadata: { deletionTimestamp: "2026-11-28T02:01:00Z" } },
    ),
    "not-dead",
    "preemption",
  ],
  [
    "terminating, and still running",
    pod(
      { phase: "Running", containerStatuses: [{ name: "work", state: { running: {} } }] },
      { metadata: { deletionTimestamp: "2026-11-28T01:59:00Z" } },
    ),
    "not-dead",
  ],
  [
    "the kubelet starts it again",
    pod({ phase: "Running", containerStatuses: [ended(1, "Error")] }, { spec: { restartPolicy: "Always" } }),
    "not-dead",
    "ambiguous",
  ],
  ["being created", waiting("ContainerCreating"), "not-dead"],
  ["a node is on its way", event("TriggeredScaleUp", "pod triggered scale-up: [{ng 1->2 (max: 9)}]"), "not-dead"],
  [
    "no node has room",
    event("FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available"),
    "not-dead",
  ],
  ["a probe failed", event("Unhealthy", "Liveness probe failed: connection refused"), "not-dead"],
  ["a suspended Job", job([{ type: "Suspended", status: "True" }], { active: 0 }), "not-dead"],
  ["a Job at work", job([], { active: 1 }), "not-dead"],
  [
    "a running instance",
    { input: { Instance: { InstanceId: INSTANCE, State: { Name: "running" } } } },
    "ambiguous",
    "not-dead",
  ],
  [
    "a node that will be maintained",
    event("NodeMaintenance", "scheduled maintenance of node n1", { type: "Normal" }),
    "preemption",
    "not-dead",
  ],
  ["a runner that was shut down", exit(143, { message: "The runner has received a shutdown signal." }), "preemption"],
  [
    "a step that timed out",
    exit(143, { message: "The job has exceeded the maximum time limit of 6h" }),
    "user-failure",
  ],
  [
    "a runner that was lost",
    exit(137, { message: "The self-hosted runner lost communication with the server." }),
    "system-failure",
    "ambiguous",
  ],
  ["a request that costs too much", { input: { Status: { Code: "instance-terminated-by-price" } } }, "preemption"],
  [
    "CUDA out of memory in a container",
    failed({ containerStatuses: [ended(1, "Error", { message: "RuntimeError: CUDA error: out of memory" })] }),
    "user-failure",
  ],
  [
    "a registry that is unavailable",
    waiting("RegistryUnavailable", "503 Service Unavailable"),
    "system-failure",
    "not-dead",
  ],
  ["a Job between two pods", job([], { failed: 2 }), "not-dead", "ambiguous"],
  [
    "a kubelet that makes room",
    event("EvictionThresholdMet", "Attempting to reclaim memory", { involvedObject: { kind: "Node" } }),
    "not-dead",
    "ambiguous",
  ],
  [
    "a scale-down that was given up",
    event("ScaleDownFailed", "failed to drain the node, aborting ScaleDown", { involvedObject: { kind: "Node" } }),
    "not-dead",
    "ambiguous",
  ],
  [
    "an eviction that was called off",
    event("TaintManagerEviction", "Cancelling deletion of Pod default/work"),
    "not-dead",
    "ambiguous",
  ],
  [
    "a kubelet that cannot free its disk",
    event("ImageGCFailed", "failed to get imageFs info", { involvedObject: { kind: "Node" } }),
    "not-dead",
    "ambiguous",
  ],
  [
    "a request that is fulfilled",
    { input: { Status: { Code: "fulfilled", Message: "Your spot request is fulfilled." } } },
    "not-dead",
  ],
  [
    "a group that could not end its instance",
    {
      input: {
        Description: "Terminating EC2 instance",
        StatusCode: "Failed",
        Cause: "in response to a user request, shrinking the capacity from 4 to 3.",
      },
    },
    "not-dead",
  ],
  [
    "a warning about another instance",
    {
      ...aws("EC2 Spot Instance Interruption Warning", { "instance-id": "i-00000000000000001" }),
      node: { InstanceId: INSTANCE },
    },
    "ambiguous",
    "not-dead",
  ],
  [
    "a gang of which one node is gone",
    {
      input: {
        kind: "List",
        items: ["a", "b"].map((nodeName) => ({
          kind: "Pod",
          spec: { nodeName },
          status: { phase: "Running", containerStatuses: [{ name: "work", state: { running: {} } }] },
        })),
      },
      node: { name: "a", exists: false },
    },
    "not-dead",
    "system-failure",
  ],
  [
    "done, before EC2 took the instance",
    { input: { exitCode: 0 }, node: { StateReason: { Code: "Server.SpotInstanceTermination" } } },
    "success",
  ],
  [
    "the work is named, and not told of",
    failed(
      { containerStatuses: [{ name: "other", state: { terminated: { exitCode: 0 } } }] },
      { metadata: { annotations: { primary_container_name: "primary" } } },
    ),
    "ambiguous",
    "system-failure",
  ],
  ["OOMKilled with exit code 0", failed({ containerStatuses: [ended(0, "OOMKilled")] }), "oom", "ambiguous"],
  [
    "a Workload that is finished",
    {
      input: {
        kind: "Workload",
        status: {
          conditions: [
            { type: "Admitted", status: "True" },
            { type: "Finished", status: "True", reason: "Succeeded", message: "Job finished successfully" },
          ],
        },
      },
    },
    "success",
  ],
  [
    "a Workload that an administrator stopped",
    {
      input: { kind: "Workload", status: { conditions: [{ type: "Evicted", status: "True", reason: "Deactivated" }] } },
    },
    "ambiguous",
    "not-dead",
  ],
  [
    "a shutdown that the kubelet wrote down late",
    failed({
      conditions: [disrupted("TerminationByKubelet")],
      containerStatuses: [ended(2, "Error", { finishedAt: "2026-11-28T01:00:02Z" })],
    }),
    "preemption",
  ],
  [
    "an end in the year 1",
    failed({
      conditions: [disrupted("EvictionByEvictionAPI")],
      containerStatuses: [ended(1, "Error", { finishedAt: "0001-01-01T00:00:00Z" })],
    }),
    "preemption",
  ],
  [
    "an old eviction beside an old exit",
    {
      input: {
        kind: "Pod",
        ...{
          status: { phase: "Failed", containerStatuses: [ended(1, "Error", { finishedAt: "2024-01-01T00:00:05Z" })] },
        },
        notices: [
          {
            eventName: "BidEvictedEvent",
            eventSource: "ec2.amazonaws.com",
            eventTime: "2024-01-01T00:00:00Z",
            serviceEventDetails: { instanceIdSet: [INSTANCE] },
          },
        ],
      },
    },
    "preemption",
  ],
  [
    "a warning five days before a crash",
    {
      input: {
        kind: "Pod",
        status: { phase: "Failed", containerStatuses: [ended(1, "Error", { finishedAt: "2026-11-27T00:00:00Z" })] },
        notices: [
          {
            "detail-type": "EC2 Spot Instance Interruption Warning",
            source: "aws.ec2",
            time: "2026-11-22T00:00:00Z",
            detail: { "instance-id": INSTANCE },
          },
        ],
      },
    },
    "user-failure",
  ],
  [
    "a pod that a program's own words call drained",
    failed({ containerStatuses: [ended(143, "Error", { message: "Received SIGTERM, draining connections" })] }),
    "ambiguous",
  ],
  [
    "a note that says what did not happen",
    { ...exit(143), node: { fact: "spot instance, no interruption notice was received" } },
    "ambiguous",
  ],
  ["a plain message", { input: { message: "pod deleted" } }, "ambiguous"],
  [
    "a heartbeat that was missed",
    { input: { exitCode: null, message: "Task did not emit heartbeat within time limit" } },
    "ambiguous",
    "system-failure",
  ],
  ["an answer of an API server", { input: { kind: "Status", code: 404, reason: "NotFound" } }, "ambiguous"],
  [
    "several instances in one eviction",
    {
      input: {
        eventName: "BidEvictedEvent",
        eventSource: "ec2.amazonaws.com",
        serviceEventDetails: { instanceIdSet: ["i-aaa", "i-bbb"] },
      },
    },
    "preemption",
  ],
  ["an event without an instance", aws("EC2 Instance State-change Notification", { state: "terminated" }), "ambiguous"],
  [
    "the reason of a transition",
    { input: { Instance: { StateTransitionReason: "Server.SpotInstanceTermination" } } },
    "preemption",
  ],
  [
    "a configuration that a policy refuses",
    job([
      {
        type: "Failed",
        status: "True",
        reason: "PodFailurePolicy",
        message: "Pod default/work has condition ConfigIssue matching FailJob rule at index 0",
      },
    ]),
    "user-failure",
  ],
  [
    "an image that is refused over rpc",
    waiting("ErrImagePull", 'rpc error: code = Unknown desc = pull access denied for "myimage"'),
    "user-failure",
  ],
  [
    "a container that its runtime did not make",
    waiting("CreateContainerError", "context deadline exceeded"),
    "system-failure",
    "not-dead",
  ],
  [
    "a reason that nobody knows",
    pod({ phase: "Running", containerStatuses: [{ name: "work", state: { waiting: { reason: "just dawdling" } } }] }),
    "not-dead",
  ],
  [
    "a RayJob past its deadline",
    {
      input: {
        kind: "RayJob",
        status: { jobStatus: "RUNNING", jobDeploymentStatus: "Failed", reason: "DeadlineExceeded" },
      },
    },
    "user-failure",
  ],
  ["Docker's own word for it", { input: { ExitCode: 137, OOMKilled: true } }, "oom"],
  [
    "an event in a queue",
    {
      input: {
        Records: [
          { body: JSON.stringify(aws("EC2 Spot Instance Interruption Warning", { "instance-id": INSTANCE }).input) },
        ],
      },
    },
    "preemption",
  ],
  [
    "a failed pod for which a node had been missing",
    {
      input: {
        ...(failed({ containerStatuses: [ended(137, "Error")] }).input as object),
        events: [{ kind: "Event", reason: "FailedScheduling", message: "0/3 nodes" }],
      },
    },
    "ambiguous",
  ],
  [
    "a gang whose first victim was evicted",
    {
      input: {
        kind: "List",
        items: [
          {
            kind: "Pod",
            status: { phase: "Failed", containerStatuses: [ended(1, "Error", { finishedAt: "2026-11-28T01:00:30Z" })] },
          },
          {
            kind: "Pod",
            status: {
              phase: "Failed",
              conditions: [disrupted("EvictionByEvictionAPI")],
              containerStatuses: [ended(143, "Error", { finishedAt: "2026-11-28T01:00:20Z" })],
            },
          },
          {
            kind: "Pod",
            status: { phase: "Failed", containerStatuses: [ended(1, "Error", { finishedAt: "2026-11-28T01:00:31Z" })] },
          },
        ],
      },
    },
    "preemption",
  ],
  [
    "a gang whose first victim crashed",
    {
      input: {
        kind: "List",
        items: [
          {
            kind: "Pod",
            status: {
              phase: "Failed",
              conditions: [disrupted("EvictionByEvictionAPI", "2026-11-28T01:10:00Z")],
              containerStatuses: [ended(143, "Error", { finishedAt: "2026-11-28T01:10:20Z" })],
            },
          },
          {
            kind: "Pod",
            status: { phase: "Failed", containerStatuses: [ended(1, "Error", { finishedAt: "2026-11-28T01:00:31Z" })] },
          },
        ],
      },
    },
    "user-failure",
  ],
  [
    "a gang without times",
    {
      input: {
        kind: "List",
        items: [
          { kind: "Pod", status: { phase: "Failed", containerStatuses: [ended(1, "Error")] } },
          {
            kind: "Pod",
            status: { phase: "Failed", reason: "Preempting", message: "Preempted in order to admit critical pod" },
          },
        ],
      },
    },
    "preemption",
  ],
  [
    "a gang whose leader is done",
    {
      input: {
        kind: "List",
        items: [
          {
            kind: "Pod",
            metadata: {
              labels: { "training.kubeflow.org/job-name": "t", "training.kubeflow.org/replica-type": "worker" },
            },
            status: { phase: "Failed", containerStatuses: [ended(1, "Error")] },
          },
          {
            kind: "Pod",
            metadata: {
              labels: { "training.kubeflow.org/job-name": "t", "training.kubeflow.org/replica-type": "Master" },
            },
            status: { phase: "Succeeded" },
          },
        ],
      },
    },
    "success",
  ],
  [
    "a gang of which one is done, and one killed",
    {
      input: {
        kind: "List",
        items: [
          { kind: "Pod", status: { phase: "Succeeded" } },
          { kind: "Pod", status: { phase: "Failed", containerStatuses: [ended(137, "Error")] } },
        ],
      },
    },
    "ambiguous",
  ],
  [
    "a gang that is done",
    {
      input: {
        kind: "List",
        items: [
          { kind: "Pod", status: { phase: "Succeeded" } },
          { kind: "Pod", status: { phase: "Succeeded" } },
        ],
      },
    },
    "success",
  ],
  [
    "a gang of which one still runs",
    {
      input: {
        kind: "List",
        items: [
          { kind: "Pod", status: { phase: "Failed", containerStatuses: [ended(1, "Error")] } },
          { kind: "Pod", status: { phase: "Running" } },
        ],
      },
    },
    "not-dead",
  ],
  [
    "a gang, and the node of one of them",
    {
      input: {
        kind: "List",
        items: [
          {
            kind: "Pod",
            spec: { nodeName: "a" },
            status: { phase: "Failed", containerStatuses: [ended(137, "Error")] },
          },
          { kind: "Pod", spec: { nodeName: "b" }, status: { phase: "Failed", containerStatuses: [ended(1, "Error")] } },
        ],
      },
      node: { metadata: { name: "a" }, spec: { taints: [{ key: "aws-node-termination-handler/spot-itn" }] } },
    },
    "preemption",
  ],
  [
    "two states of one container",
    pod({
      phase: "Unheard",
      containerStatuses: [
        ended(1, "Error"),
        { name: "work", state: { waiting: {} } },
        { name: "work", state: {} },
        { name: "work", state: { running: {} } },
      ],
    }),
    "not-dead",
  ],
  ["two ends of one container", failed({ containerStatuses: [ended(1, "Error"), ended(0, "Completed")] }), "success"],
  ["an event of nothing", { input: { kind: "Event" } }, "ambiguous"],
  [
    "a Job that tells of its end by an event",
    event("Completed", "Job completed", { involvedObject: { kind: "Job" } }),
    "success",
  ],
  [
    "a container that failed again",
    event("BackOff", "Back-off restarting failed container work in pod x"),
    "user-failure",
  ],
  ["an event that nobody knows", event("Odd", "something", { type: "Normal" }), "not-dead"],
  ["a timeout of coreutils", exit(124), "user-failure"],
  ["a signal of its own", { input: { exitCode: 139, signal: "SIGSEGV" } }, "user-failure"],
  ["a signal of somebody", { input: { signal: "SIGTERM" } }, "ambiguous"],
  [
    "a success that its supervisor doubts",
    { input: { exitCode: 0, message: "Pod was terminated in response to imminent node shutdown." } },
    "ambiguous",
  ],
  [
    "an instance with an error of EC2 inside",
    { input: { Instance: { StateReason: { Code: "Client.InternalError", Message: "an internal error" } } } },
    "system-failure",
  ],
  [
    "an instance that nobody could place",
    { input: { Instance: { StateReason: { Code: "Odd", Message: "preempted" } } } },
    "preemption",
  ],
  ["an instance with a word that nobody knows", { input: { Instance: { StateReason: { Code: "Odd" } } } }, "ambiguous"],
  [
    "killed on a node that is shut down",
    {
      ...failed({ containerStatuses: [ended(137, "Error")] }),
      node: { spec: { taints: [{ key: "node.cloudprovider.kubernetes.io/shutdown" }] } },
    },
    "preemption",
  ],
  [
    "killed on a node for others",
    {
      ...failed({ containerStatuses: [ended(137, "Error")] }),
      node: { spec: { taints: [{ key: "dedicated", value: "ml" }] } },
    },
    "ambiguous",
  ],
  [
    "killed on a node that is not ready",
    {
      ...failed({ containerStatuses: [ended(137, "Error")] }),
      node: { status: { conditions: [{ type: "Ready", status: "Unknown", reason: "NodeStatusUnknown" }] } },
    },
    "system-failure",
  ],
  [
    "killed on a node that somebody drained",
    { ...failed({ containerStatuses: [ended(137, "Error")] }), node: { fact: "drained for maintenance" } },
    "preemption",
  ],
  [
    "out of memory on a node that is being emptied",
    {
      ...failed(
        { containerStatuses: [ended(137, "OOMKilled")] },
        { metadata: { deletionTimestamp: "2026-11-28T01:00:00Z" } },
      ),
      node: { spec: { taints: [{ key: "karpenter.sh/disrupted" }] } },
    },
    "oom",
  ],
  ["a Job without a word", job([{ type: "Failed", status: "True", message: "no idea" }]), "ambiguous"],
  ["a Job whose pods were evicted", job([{ type: "Failed", status: "True", reason: "Evicted" }]), "preemption"],
  [
    "a Workload that failed",
    { input: { kind: "Workload", status: { conditions: [{ type: "Finished", status: "True", reason: "Failed" }] } } },
    "ambiguous",
  ],
  [
    "a Job with all its pods",
    { input: { kind: "Job", spec: { completions: 2 }, status: { succeeded: 2 } } },
    "success",
  ],
  ["a Job that is to wait", { input: { kind: "Job", spec: { suspend: true }, status: {} } }, "not-dead"],
  ["a Job that was made", { input: { kind: "Job", spec: {}, status: {} } }, "ambiguous"],
  ["a Workflow that runs", { input: { kind: "Workflow", spec: {}, status: { phase: "Running" } } }, "not-dead"],
  [
    "a SparkApplication that failed",
    {
      input: {
        kind: "SparkApplication",
        spec: {},
        status: {
          applicationState: {
            state: "FAILED",
            errorMessage: "driver container failed with ExitCode: 137, Reason: OOMKilled",
          },
        },
      },
    },
    "oom",
  ],
  [
    "an old disruption that was taken back",
    failed({
      conditions: [
        disrupted("EvictionByEvictionAPI", "2026-11-28T01:00:00Z"),
        { ...disrupted("EvictionByEvictionAPI", "2026-11-28T01:02:00Z"), status: "False" },
      ],
      containerStatuses: [ended(3, "Error")],
    }),
    "user-failure",
  ],
  [
    "a disruption without times, told twice",
    failed({
      conditions: [
        { type: "DisruptionTarget", status: "False" },
        { type: "DisruptionTarget", status: "True", reason: "x" },
      ],
      containerStatuses: [ended(3, "Error")],
    }),
    "preemption",
  ],
  [
    "a disruption that is dated once",
    failed({
      conditions: [{ type: "DisruptionTarget", status: "False" }, disrupted("x")],
      containerStatuses: [ended(143, "Error")],
    }),
    "preemption",
  ],
  [
    "a container without a name that waits",
    pod({ phase: "Pending", containerStatuses: [{ state: { waiting: { reason: "CreateContainerError" } } }] }),
    "ambiguous",
    "not-dead",
    "user-failure",
  ],
  [
    "a container without a name that ended",
    failed({ containerStatuses: [{ state: { terminated: { exitCode: 4 } } }] }),
    "user-failure",
  ],
  ["a reason whose message alone says something", waiting("Odd", "no such file or directory"), "user-failure"],
  [
    "a reason that sounds like an error",
    pod({ containerStatuses: [{ name: "work", state: { waiting: { reason: "OddError" } } }] }),
    "ambiguous",
  ],
  [
    "a container that waits for no reason",
    pod({ phase: "Pending", containerStatuses: [{ name: "work", state: { waiting: {} } }] }),
    "not-dead",
  ],
  [
    "an init container that has not begun",
    pod({
      phase: "Pending",
      initContainerStatuses: [
        { name: "unpack", state: { waiting: { reason: "PodInitializing" } } },
        { name: "fetch", state: { terminated: { exitCode: 0 } } },
      ],
    }),
    "not-dead",
  ],
  [
    "killed on a node out of service",
    {
      ...failed({ containerStatuses: [ended(137, "Error")] }),
      node: { taints: [{ key: "node.kubernetes.io/out-of-service" }] },
    },
    "preemption",
  ],
  [
    "an MPIJob that runs",
    {
      input: {
        kind: "MPIJob",
        spec: {},
        status: {
          conditions: [
            { type: "Created", status: "True" },
            { type: "Running", status: "True" },
          ],
        },
      },
    },
    "not-dead",
  ],
  [
    "a pod that may take its time to go",
    { input: { kind: "Pod", metadata: { deletionTimestamp: "2026-11-29T00:00:00Z" } } },
    "not-dead",
  ],
  [
    "a node that is out of memory",
    event("SystemOOM", "System OOM encountered, victim process: python", { involvedObject: { kind: "Node" } }),
    "oom",
    "system-failure",
  ],
  [
    "a gang, with its times in disorder",
    {
      input: {
        kind: "List",
        items: [
          {
            kind: "Pod",
            status: {
              phase: "Failed",
              reason: "Terminated",
              message: "Pod was terminated in response to imminent node shutdown.",
              conditions: [disrupted("TerminationByKubelet", "2026-11-28T01:02:00Z")],
              containerStatuses: [ended(143, "Error", { finishedAt: "2026-11-28T01:03:00Z" })],
            },
          },
          {
            kind: "Pod",
            status: { phase: "Failed", containerStatuses: [ended(1, "Error", { finishedAt: "2026-11-28T01:02:30Z" })] },
          },
        ],
      },
    },
    "preemption",
  ],
  [
    "a loop of which nothing else is known",
    pod({
      phase: "Running",
      containerStatuses: [
        {
          name: "work",
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { exitCode: 0 } },
        },
      ],
    }),
    "user-failure",
    "not-dead",
  ],
  [
    "done, and started again by the kubelet",
    pod({ phase: "Running", containerStatuses: [ended(0, "Completed")] }, { spec: { restartPolicy: "OnFailure" } }),
    "success",
  ],
  [
    "failed, and started again by the kubelet",
    pod({ phase: "Running", containerStatuses: [ended(2, "Error")] }, { spec: { restartPolicy: "OnFailure" } }),
    "not-dead",
  ],
  ["kubectl shows that it runs", { input: { kind: "Pod", kubectlStatus: "Running" } }, "not-dead"],
  ["kubectl shows an eviction", { input: { kind: "Pod", kubectlStatus: "Evicted" } }, "preemption"],
  ["kubectl shows a word that nobody knows", { input: { kind: "Pod", kubectlStatus: "Odd" } }, "ambiguous"],
  ["failed for a reason that nobody knows", failed({ reason: "Odd" }), "ambiguous"],
  [
    "done, while the kubelet stopped its node",
    pod({
      conditions: [disrupted("TerminationByKubelet", "2026-11-28T01:05:00Z")],
      containerStatuses: [ended(0, "Completed", { finishedAt: "2026-11-28T01:00:00Z" })],
    }),
    "success",
  ],
  [
    "done, or stopped",
    pod({ conditions: [disrupted("EvictionByEvictionAPI")], containerStatuses: [ended(0, "Completed")] }),
    "ambiguous",
  ],
  [
    "a deleted pod of a silent node",
    pod({ phase: "Unknown" }, { metadata: { deletionTimestamp: "not a time" } }),
    "ambiguous",
  ],
  [
    "a container whose message alone says something",
    failed({ containerStatuses: [ended(1, "Odd", { message: "exec format error" })] }),
    "user-failure",
  ],
  ["a Workflow that is done", { input: { kind: "Workflow", spec: {}, status: { phase: "Succeeded" } } }, "success"],
  [
    "a Workload that was evicted, and nobody says why",
    { input: { kind: "Workload", status: { conditions: [{ type: "Evicted", status: "True" }] } } },
    "ambiguous",
    "preemption",
  ],
  [
    "a disruption without a reason",
    failed({ conditions: [{ type: "DisruptionTarget", status: "True" }], containerStatuses: [ended(143, "Error")] }),
    "preemption",
  ],
  // Killed, and nobody says why.
  ["stopped", event("Killing", "Stopping container work"), "ambiguous"],
  [
    "deleted",
    failed({ containerStatuses: [ended(143, "Error")] }, { metadata: { deletionTimestamp: "2026-11-28T01:00:00Z" } }),
    "ambiguous",
  ],
  ["nothing at all", { input: {} }, "ambiguous"],
  ["no JSON object", { input: "a text" }, "ambiguous"],
  ["an instance that EC2 does not know any more", { input: { Reservations: [] } }, "ambiguous"],
  // Jobs and others that own pods.
  [
    "a Job that is complete",
    job(
      [
        { type: "SuccessCriteriaMet", status: "True" },
        { type: "Complete", status: "True" },
      ],
      { succeeded: 1 },
    ),
    "success",
  ],
  [
    "a Job past its deadline",
    job([
      {
        type: "Failed",
        status: "True",
        reason: "DeadlineExceeded",
        message: "Job was active longer than specified deadline",
      },
    ]),
    "user-failure",
  ],
  [
    "a Job whose one pod failed",
    job(
      [
        {
          type: "Failed",
          status: "True",
          reason: "BackoffLimitExceeded",
          message: "Job has reached the specified backoff limit",
        },
      ],
      { failed: 1 },
    ),
    "ambiguous",
    "user-failure",
  ],
  [
    "a Job whose seven pods failed",
    job([{ type: "Failed", status: "True", reason: "BackoffLimitExceeded" }], { failed: 7 }),
    "user-failure",
  ],
  [
    "a Job that fails for a disruption",
    job([
      {
        type: "Failed",
        status: "True",
        reason: "PodFailurePolicy",
        message: "Pod default/work has condition DisruptionTarget matching FailJob rule at index 0",
      },
    ]),
    "preemption",
  ],
  [
    "failed indexes",
    job(
      [
        {
          type: "Failed",
          status: "True",
          reason: "MaxFailedIndexesExceeded",
          message: "Job has exceeded the specified maximal number of failed indexes",
        },
      ],
      { failed: 2 },
    ),
    "user-failure",
  ],
  [
    "a Workload that Kueue preempted",
    { input: { kind: "Workload", status: { conditions: [{ type: "Evicted", status: "True", reason: "Preempted" }] } } },
    "preemption",
  ],
  // AWS.
  [
    "a spot warning",
    aws("EC2 Spot Instance Interruption Warning", { "instance-id": INSTANCE, "instance-action": "terminate" }),
    "preemption",
  ],
  [
    "a hibernation",
    aws("EC2 Spot Instance Interruption Warning", { "instance-id": INSTANCE, "instance-action": "hibernate" }),
    "preemption",
  ],
  [
    "a warning with a strange name",
    aws("EC2 Spot Instance Interruption Warning", { "instance-id": "instance-1" }),
    "preemption",
  ],
  [
    "a spot instance that ended",
    {
      ...aws("EC2 Instance State-change Notification", { "instance-id": INSTANCE, state: "terminated" }),
      node: { InstanceId: INSTANCE, InstanceLifecycle: "spot" },
    },
    "preemption",
  ],
  [
    "an instance that ended, of which nothing is known",
    aws("EC2 Instance State-change Notification", { "instance-id": INSTANCE, state: "shutting-down" }),
    "ambiguous",
  ],
  [
    "an instance that runs",
    aws("EC2 Instance State-change Notification", { "instance-id": INSTANCE, state: "running" }),
    "not-dead",
  ],
  [
    "an eviction in CloudTrail",
    {
      input: {
        eventName: "BidEvictedEvent",
        eventSource: "ec2.amazonaws.com",
        eventTime: "2026-11-28T01:00:00Z",
        serviceEventDetails: { instanceIdSet: [INSTANCE] },
      },
    },
    "preemption",
  ],
  [
    "a group that a user shrinks",
    group(
      "At 2026-11-28T01:00:00Z an instance was taken out of service in response to a user request, shrinking the capacity from 4 to 3.",
    ),
    "preemption",
  ],
  [
    "a group that noticed afterwards",
    group(
      "At 2026-11-28T01:00:00Z an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped.",
    ),
    "ambiguous",
  ],
  [
    "a group that balances its zones",
    group(
      "At 2026-11-28T01:00:00Z instances were launched to balance instances in zones with other zones resulting in more than desired number of instances in the group. At 2026-11-28T01:01:00Z availability zones rebalanced, shrinking the capacity from 4 to 3.",
    ),
    "preemption",
  ],
  [
    "a group that finds an instance unhealthy",
    group(
      "At 2026-11-28T01:00:00Z an instance was taken out of service in response to an ELB system health check failure.",
    ),
    "system-failure",
    "preemption",
  ],
  ["a test of a hook", { input: { Event: "autoscaling:TEST_NOTIFICATION", AutoScalingGroupName: "g" } }, "not-dead"],
  ["a request without capacity", { input: { Status: { Code: "instance-terminated-no-capacity" } } }, "preemption"],
  ["a request that a user ended", { input: { Status: { Code: "instance-terminated-by-user" } } }, "ambiguous"],
  ["the metadata of an instance", { input: { action: "terminate", time: "2026-11-28T01:02:00Z" } }, "preemption"],
  ["a recommendation in the metadata", { input: { noticeTime: "2026-11-28T01:02:00Z" } }, "not-dead"],
  [
    "an instance that shut itself down",
    { input: { Instance: { InstanceId: INSTANCE, StateReason: { Code: "Client.InstanceInitiatedShutdown" } } } },
    "ambiguous",
    "system-failure",
  ],
];
