import type { Call } from "./rest.ts";

type Group = "/api/v1" | "/apis/batch/v1";

/** The path of the objects of one kind in a namespace, or of the one of that name. */
export function pathOf(group: Group, namespace: string, resource: string, name?: string): string {
  const all = `${group}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
  return name === undefined ? all : `${all}/${encodeURIComponent(name)}`;
}

export const jobPath = (namespace: string, name?: string): string => pathOf("/apis/batch/v1", namespace, "jobs", name);
export const podPath = (namespace: string, name?: string): string => pathOf("/api/v1", namespace, "pods", name);

/** Deletes this very Job, with its pods. Without a policy the API server would leave them behind. */
export const jobDeletion = (namespace: string, { name, uid }: { name: string; uid: string }): Call => ({
  method: "DELETE",
  path: jobPath(namespace, name),
  body: { propagationPolicy: "Background", preconditions: { uid } },
});
