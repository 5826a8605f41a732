import { at, type Json, listOf } from "../../evidence/kubernetes/fields.ts";
import { POD_LABEL } from "../../wire/pods.ts";
import type { Rest } from "./rest.ts";

/** What the Lambdas do in a cluster; the ClusterRole of docs/kubernetes.md allows it. */
const NEEDED = [
  { verb: "list", resource: "pods" },
  { verb: "get", resource: "pods" },
  { verb: "get", resource: "nodes" },
  { verb: "list", resource: "events" },
  { verb: "get", resource: "jobs", group: "batch" },
  { verb: "list", resource: "jobs", group: "batch" },
  { verb: "create", resource: "jobs", group: "batch" },
  { verb: "delete", resource: "jobs", group: "batch" },
  { verb: "create", resource: "secrets" },
] as const;

/** Enough to find what all of them have in common. */
const MOST = "500";

/** The Jobs and the pods with our label, at most 500 of each. */
export async function labelled(rest: Rest): Promise<{ jobs: readonly Json[]; pods: readonly Json[] }> {
  const query = { labelSelector: POD_LABEL, limit: MOST };
  const [jobs, pods] = await Promise.all(
    ["/apis/batch/v1/jobs", "/api/v1/pods"].map(async (path) => listOf(at(await rest.call({ path, query }), "items"))),
  );
  return { jobs: jobs ?? [], pods: pods ?? [] };
}

/** What these credentials, or a group such as `lastbeat`, may not do of what is needed. */
export async function missing(rest: Rest, group?: string): Promise<readonly string[]> {
  const kind = group === undefined ? "selfsubjectaccessreviews" : "subjectaccessreviews";
  const answers = await Promise.all(
    NEEDED.map(async ({ verb, resource, ...more }) => {
      const resourceAttributes = { verb, resource, namespace: "default", ...more };
      const spec = { resourceAttributes, ...(group !== undefined && { groups: [group], user: "lastbeat" }) };
      const path = `/apis/authorization.k8s.io/v1/${kind}`;
      const review = await rest.call({ method: "POST", path, body: { spec } });
      return at(review, "status", "allowed") === true ? undefined : `${verb} ${resource}`;
    }),
  );
  return answers.filter((answer) => answer !== undefined);
}
