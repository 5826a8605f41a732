import { milliseconds } from "../../core/time.ts";
import { at, field, type Json, listOf, numberOf, textOf, textsOf } from "../../evidence/kubernetes/fields.ts";
import { Busy, Refused } from "../../ports/dispatch.ts";
import type { JobCluster, SeenJob } from "../../ports/jobs.ts";
import { podsIn } from "./cluster.ts";
import { jobDeletion, jobPath, pathOf, podPath } from "./requests.ts";
import { ApiError, type Call, type Rest } from "./rest.ts";

/** The object is not valid. */
const NOT_VALID: ReadonlySet<number> = new Set([400, 422]);
/** We may not, or its namespace is not there. */
const NOT_ALLOWED: ReadonlySet<number> = new Set([403, 404]);

/** Refusals of the same kind that pass by themselves: somebody else's pods end, and a namespace is made anew. */
const PASSES = /exceeded quota|being terminated/i;

/** What an answer that is no success means: no repetition mends it, or the server has something else to do. */
function meant(error: unknown): Refused | Busy {
  if (!(error instanceof ApiError)) return new Busy(error instanceof Error ? error.message : String(error));
  const { status, told, retryAfter } = error;
  const isOwn = NOT_VALID.has(status);
  if ((isOwn || NOT_ALLOWED.has(status)) && !PASSES.test(told))
    return new Refused(`the cluster refuses it (${status}): ${told}`, { isOwn });
  return new Busy(error.message, retryAfter === undefined ? undefined : milliseconds(retryAfter));
}

function seen(job: Json): SeenJob {
  const conditions = listOf(at(job, "status", "conditions"));
  const isOver = conditions.some(
    (each) => /^(Complete|Failed)$/.test(textOf(field(each, "type")) ?? "") && field(each, "status") === "True",
  );
  return {
    name: textOf(at(job, "metadata", "name")) ?? "",
    uid: textOf(at(job, "metadata", "uid")) ?? "",
    labels: textsOf(at(job, "metadata", "labels")),
    annotations: textsOf(at(job, "metadata", "annotations")),
    isOver: isOver || (numberOf(at(job, "status", "succeeded")) ?? 0) > 0,
    isSuspended: at(job, "spec", "suspend") === true,
  };
}

/** Makes an object; undefined if there is one of its name. */
async function create(rest: Rest, path: string, body: object): Promise<Json | undefined> {
  try {
    return await rest.call({ method: "POST", path, body, query: { fieldManager: "lastbeat" } });
  } catch (error) {
    if (error instanceof ApiError && error.status === 409 && error.reason === "AlreadyExists") return undefined;
    throw meant(error);
  }
}

/** What a call answers; undefined for one of these refusals. */
async function unless(rest: Rest, call: Call, ...refusals: readonly number[]): Promise<Json | undefined> {
  try {
    return await rest.call(call);
  } catch (error) {
    if (error instanceof ApiError && refusals.includes(error.status)) return undefined;
    throw meant(error);
  }
}

const namespaceOf = (manifest: object): string => textOf(at(manifest, "metadata", "namespace")) ?? "default";

/** The Jobs of a cluster, behind its API server. */
export const kubernetesJobs = (rest: Rest): JobCluster => ({
  create: async (job) => {
    const made = await create(rest, jobPath(namespaceOf(job)), job);
    return made === undefined ? "exists" : seen(made);
  },
  createSecret: async (secret) => {
    await create(rest, pathOf("/api/v1", namespaceOf(secret), "secrets"), secret);
  },
  read: async (namespace, name) => {
    const found = await unless(rest, { path: jobPath(namespace, name) }, 404);
    return found === undefined ? undefined : seen(found);
  },
  remove: async (namespace, name, uid) => {
    await unless(rest, jobDeletion(namespace, { name, uid }), 404, 409);
  },
  jobs: async (namespace, labelSelector) => {
    const items = listOf(at(await unless(rest, { path: jobPath(namespace), query: { labelSelector } }), "items"));
    return items.filter((job) => at(job, "metadata", "deletionTimestamp") === undefined).map(seen);
  },
  pods: async (namespace, labelSelector) => {
    return podsIn(await unless(rest, { path: podPath(namespace), query: { labelSelector } }));
  },
});
