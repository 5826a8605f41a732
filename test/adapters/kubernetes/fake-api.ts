import { type Answer, apiServer, type StandIn } from "./server.ts";

type Fields = { readonly [name: string]: unknown };
type Stored = { readonly kind: "jobs" | "secrets" | "pods"; object: Fields };

/**
 * As much of an API server as we use: Jobs, Secrets, pods and nodes, with uids, label selectors, preconditions and
 * conflicts. A Job gets a pod at once. The same suite holds it against a real one (test/kubernetes).
 */
export type FakeApi = StandIn & {
  /** Changes the status of a pod of this Job, as its kubelet would. */
  setPod(job: string, status: Fields): void;
  /** What is stored under this name. */
  read(kind: Stored["kind"], name: string): Fields | undefined;
  /** The names of what is stored. */
  names(kind: Stored["kind"]): readonly string[];
  /** Every request gets this answer instead. */
  instead: Answer | undefined;
  /** Nobody may do anything with this resource. */
  forbidden: string | undefined;
};

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((part, name) => (part as Fields | undefined)?.[name], value);

const status = (code: number, reason: string, message = reason): Answer => ({
  status: code,
  body: { kind: "Status", reason, message },
});

const hasLabels = (object: Fields, selector: string): boolean =>
  selector.split(",").every((each) => {
    const [name = "", value] = each.split("=");
    const found = at(object, "metadata", "labels", name);
    return value === undefined ? found !== undefined : found === value;
  });

const hasPhase = (object: Fields, selector: string): boolean =>
  selector.split(",").every((each) => {
    const { not, phase } = /^status\.phase(?<not>!?)=(?<phase>.*)$/.exec(each)?.groups ?? {};
    return (at(object, "status", "phase") === phase) === (not === "");
  });

export async function fakeApi(): Promise<FakeApi> {
  const stored = new Map<string, Stored>();
  let uids = 0;
  const keep = (kind: Stored["kind"], object: Fields): Fields => {
    uids += 1;
    const made = { ...object, metadata: { ...(object["metadata"] as Fields), uid: `uid-${uids}` } };
    stored.set(`${kind}/${at(object, "metadata", "name")}`, { kind, object: made });
    return made;
  };
  const all = (kind: Stored["kind"]): readonly Fields[] =>
    [...stored.values()].filter((each) => each.kind === kind).map(({ object }) => object);

  function create(kind: Stored["kind"], object: Fields): Answer {
    const name = String(at(object, "metadata", "name"));
    if (stored.has(`${kind}/${name}`)) return status(409, "AlreadyExists", `${name} already exists`);
    const made = keep(kind, object);
    if (kind === "jobs") {
      const template = at(object, "spec", "template") as Fields;
      const metadata = {
        ...(template["metadata"] as Fields),
        name: `${name}-x`,
        namespace: at(object, "metadata", "namespace"),
        ownerReferences: [{ kind: "Job", name, uid: at(made, "metadata", "uid") }],
      };
      keep("pods", { kind: "Pod", ...template, metadata, status: { phase: "Pending" } });
    }
    return { status: 201, body: made };
  }

  function remove(name: string, wanted: unknown): Answer {
    const job = stored.get(`jobs/${name}`);
    if (job === undefined) return status(404, "NotFound");
    if (wanted !== undefined && at(job.object, "metadata", "uid") !== wanted) return status(409, "Conflict");
    stored.delete(`jobs/${name}`);
    const pod = stored.get(`pods/${name}-x`);
    if (pod !== undefined)
      pod.object = {
        ...pod.object,
        metadata: { ...(pod.object["metadata"] as Fields), deletionTimestamp: "2026-11-28T12:00:00Z" },
      };
    return { body: { kind: "Status", status: "Success" } };
  }

  const fake: { instead: Answer | undefined; forbidden: string | undefined } = {
    instead: undefined,
    forbidden: undefined,
  };
  const standIn = await apiServer((request, url, text) => {
    if (fake.instead !== undefined) return fake.instead;
    const body = (text === "" ? {} : JSON.parse(text)) as Fields;
    if (url.pathname.includes("accessreviews")) {
      const { resource } = at(body, "spec", "resourceAttributes") as { resource: string };
      return { status: 201, body: { status: { allowed: resource !== fake.forbidden } } };
    }
    const [, kind, name] = /\/(jobs|secrets|pods|nodes)(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (kind === "nodes") return { body: { metadata: { name } } };
    if (kind !== "jobs" && kind !== "secrets" && kind !== "pods") return status(404, "NotFound");
    if (request.method === "POST") return create(kind, body);
    if (request.method === "DELETE") return remove(String(name), at(body, "preconditions", "uid"));
    if (name !== undefined) {
      const found = stored.get(`${kind}/${name}`);
      return found === undefined ? status(404, "NotFound") : { body: found.object };
    }
    const labels = url.searchParams.get("labelSelector");
    const fields = url.searchParams.get("fieldSelector");
    const items = all(kind).filter(
      (each) => (labels === null || hasLabels(each, labels)) && (fields === null || hasPhase(each, fields)),
    );
    return { body: { items } };
  });
  return Object.assign(fake, standIn, {
    setPod: (job: string, podStatus: Fields) => {
      const pod = stored.get(`pods/${job}-x`);
      if (pod === undefined) throw new Error(`the Job ${job} has no pod`);
      pod.object = { ...pod.object, status: podStatus };
    },
    read: (kind: Stored["kind"], name: string) => stored.get(`${kind}/${name}`)?.object,
    names: (kind: Stored["kind"]) => all(kind).map((each) => String(at(each, "metadata", "name"))),
  });
}
