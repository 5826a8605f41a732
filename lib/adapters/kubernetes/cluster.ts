import type { NodeFacts } from "../../core/classify/facts.ts";
import { gangOf } from "../../core/classify/frameworks.ts";
import type { Surroundings } from "../../core/pod-surroundings.ts";
import { readEvent } from "../../evidence/kubernetes/event.ts";
import { at, field, type Json, listOf, textOf, textsOf } from "../../evidence/kubernetes/fields.ts";
import { readNode } from "../../evidence/kubernetes/node.ts";
import { readOwner } from "../../evidence/kubernetes/owner.ts";
import { readPod } from "../../evidence/kubernetes/pod.ts";
import type { Cluster, RunningPod, SeenPod } from "../../ports/clusters.ts";
import { AGENT_LABEL, MANAGED_BY, POD_LABEL } from "../../wire/pods.ts";
import { jobDeletion, jobPath, pathOf, podPath } from "./requests.ts";
import { ApiError, type Rest } from "./rest.ts";

/** The size of a page that the API server recommends: kubectl asks for as many. */
const PAGE = 500;
/** 100,000 pods that have ended, and whose Jobs have not expired: then the Jobs need a shorter `ttlSecondsAfterFinished`. */
const MOST_PAGES = 200;

/** Both are what runs, or may run. Everything else is over, in whatever phase a later version has. */
const ENDED = "status.phase!=Running,status.phase!=Pending";

type Identity = Pick<SeenPod, "uid" | "namespace" | "name" | "job">;

/** What identifies a pod, and the Job that has made it; undefined without a uid. */
function identityOf(pod: Json): Identity | undefined {
  const [uid, namespace, name] = ["uid", "namespace", "name"].map((key) => textOf(at(pod, "metadata", key)));
  if (uid === undefined || namespace === undefined || name === undefined) return undefined;
  const job = jobOf(pod);
  return { uid, namespace, name, ...(job && { job }) };
}

function seen(pod: Json): readonly SeenPod[] {
  const identity = identityOf(pod);
  if (identity === undefined) return [];
  const node = textOf(at(pod, "spec", "nodeName"));
  return [{ ...identity, ...(node !== undefined && { node }), facts: readPod(pod) }];
}

/** The Job that has made a pod. */
function jobOf(pod: Json): SeenPod["job"] {
  const owner = listOf(at(pod, "metadata", "ownerReferences")).find((each) => field(each, "kind") === "Job");
  const [name, uid] = [textOf(field(owner, "name")), textOf(field(owner, "uid"))];
  return name === undefined || uid === undefined ? undefined : { name, uid };
}

/** The pods of a list. One without a uid, which nothing could identify, is left out. */
export const podsIn = (list: Json): readonly SeenPod[] => listOf(field(list, "items")).flatMap(seen);

/** Pods that run without an agent. */
const ALONE = `${AGENT_LABEL}=none`;
const RUNNING = "status.phase=Running";

/** What a call answers; undefined if there is no such object, or if it is another one of that name. */
async function unlessGone(call: () => Promise<Json>): Promise<Json | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return undefined;
    throw error;
  }
}

/** The token of a list has expired between two pages: the list begins again. */
const isExpired = (error: unknown): boolean => error instanceof ApiError && error.status === 410;

type Selected = { readonly labelSelector: string; readonly fieldSelector: string };

/** All pages of a list. It begins again if the server has forgotten where it was. */
async function allPods<T>(
  rest: Rest,
  query: Selected,
  read: (list: Json) => readonly T[],
  accept?: string,
): Promise<readonly T[]> {
  const pages = async (): Promise<readonly T[]> => {
    const found: T[] = [];
    let next: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const list = await rest.call({
        path: "/api/v1/pods",
        query: { ...query, limit: String(PAGE), continue: next },
        ...(accept !== undefined && { accept }),
      });
      found.push(...read(list));
      next = textOf(at(list, "metadata", "continue"));
      if (next === undefined) return found;
    }
    return found;
  };
  try {
    return await pages();
  } catch (error) {
    if (isExpired(error)) return pages();
    throw error;
  }
}

/** Asks for metadata alone: a pod is then a tenth as long. */
const METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

function runningPod(pod: Json): readonly RunningPod[] {
  const identity = identityOf(pod);
  if (identity === undefined) return [];
  return [
    {
      ...identity,
      labels: textsOf(at(pod, "metadata", "labels")),
      annotations: textsOf(at(pod, "metadata", "annotations")),
    },
  ];
}

const runningIn = (list: Json): readonly RunningPod[] => listOf(field(list, "items")).flatMap(runningPod);

/** What a question answers that nothing hangs on: a right that is missing costs a reason, and no verdict. */
async function ifAllowed(call: () => Promise<Json>): Promise<Json | undefined> {
  try {
    return await unlessGone(call);
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  }
}

/** More events than a pod has in an hour: the components count repetitions. */
const MOST_EVENTS = "100";

const uidIs = (object: Json, uid: string | undefined): boolean => textOf(at(object, "metadata", "uid")) === uid;

async function around(rest: Rest, pod: SeenPod): Promise<Surroundings> {
  const { namespace, uid, job: owner, facts } = pod;
  const gang = gangOf(facts.labels);
  const [events, job, members] = await Promise.all([
    ifAllowed(() =>
      rest.call({
        path: pathOf("/api/v1", namespace, "events"),
        query: { fieldSelector: `involvedObject.uid=${uid}`, limit: MOST_EVENTS },
      }),
    ),
    owner && ifAllowed(() => rest.call({ path: jobPath(namespace, owner.name) })),
    gang &&
      ifAllowed(() =>
        rest.call({
          path: podPath(namespace),
          query: { labelSelector: `${gang.label}=${gang.value}`, limit: String(PAGE) },
        }),
      ),
  ]);
  return {
    events: listOf(field(events, "items")).map(readEvent),
    ...(job !== undefined && uidIs(job, owner?.uid) && { owner: readOwner(job) }),
    members: listOf(field(members, "items"))
      .filter((each) => !uidIs(each, uid))
      .map(readPod),
  };
}

/** A cluster behind its API server. `name` is for people. `label`: the pods of ours have it. */
export function kubernetesCluster(name: string, rest: Rest, label: string = POD_LABEL): Cluster {
  return {
    name,
    endedPods: () => allPods(rest, { labelSelector: label, fieldSelector: ENDED }, podsIn),
    runningPods: () =>
      allPods(rest, { labelSelector: `${label},${ALONE}`, fieldSelector: RUNNING }, runningIn, METADATA),
    pod: async (namespace, pod) => {
      const found = await unlessGone(() => rest.call({ path: podPath(namespace, pod) }));
      return found === undefined ? undefined : seen(found)[0];
    },
    stop: async ({ namespace, labels, job }) => {
      if (job === undefined || labels[MANAGED_BY] !== "lastbeat") return false;
      await unlessGone(() => rest.call(jobDeletion(namespace, job)));
      return true;
    },
    around: (pod) => around(rest, pod),
    node: async (node): Promise<NodeFacts | undefined> => {
      const found = await unlessGone(() => rest.call({ path: `/api/v1/nodes/${encodeURIComponent(node)}` }));
      return found === undefined ? undefined : { ...readNode(found), exists: true };
    },
  };
}
