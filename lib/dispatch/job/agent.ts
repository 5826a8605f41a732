import type { JobTarget } from "../../core/spec.ts";
import { list, type Manifest } from "./template.ts";

/** Where the agent and its ticket lie in the pod. */
const FOLDER = "/lastbeat";
const TICKET_FOLDER = "/var/run/secrets/lastbeat";
const TICKET_KEY = "ticket";
const PORT = 8789;

/** What a cluster needs to start attempts: the image of the agent, and the address of the service as its pods see it. */
export type AgentSettings = { readonly image: string; readonly url: string };

const named = (name: string, fieldPath: string): Manifest => ({ name, valueFrom: { fieldRef: { fieldPath } } });

/** What the agent is told by its environment: where the service is, and in which pod it is. */
const environment = (url: string): readonly Manifest[] => [
  { name: "LASTBEAT_URL", value: url },
  named("POD_NAME", "metadata.name"),
  named("POD_NAMESPACE", "metadata.namespace"),
  named("POD_UID", "metadata.uid"),
  named("NODE_NAME", "spec.nodeName"),
];

/**
 * What our container gets: its agent is 12 MB large in memory, and idle. Requests and limits are alike, so that a pod
 * whose own containers have both stays in the class Guaranteed; some namespaces refuse a container without them.
 */
const AMOUNTS = { cpu: "50m", memory: "64Mi" } as const;
const RESOURCES: Manifest = { requests: AMOUNTS, limits: AMOUNTS };

const mount = (name: string, mountPath: string, readOnly = false): Manifest => ({
  name,
  mountPath,
  ...(readOnly && { readOnly }),
});
const TICKET_MOUNT = mount("lastbeat-ticket", TICKET_FOLDER, true);

const more = (container: Manifest, name: string, added: readonly unknown[]): Manifest => ({
  ...container,
  [name]: [...list(container, name), ...added],
});

const textsOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

/** The spec with its container changed. */
const changed = (spec: Manifest, container: string, change: (container: Manifest) => Manifest): Manifest => ({
  ...spec,
  containers: list(spec, "containers").map((each) => (each["name"] === container ? change(each) : each)),
});

/** The secret that holds the ticket, and the folder for the agent's own file. */
const volumes = (secret: string): readonly Manifest[] => [
  { name: "lastbeat", emptyDir: {} },
  { name: "lastbeat-ticket", secret: { secretName: secret, items: [{ key: TICKET_KEY, path: TICKET_KEY }] } },
];

/**
 * The spec with our init container first. One of the same name in the template adds to ours: variables, resources, a
 * security context, another image.
 */
function withOurs(spec: Manifest, ours: Manifest): Manifest {
  const all = list(spec, "initContainers");
  const theirs = all.find(({ name }) => name === ours["name"]) ?? {};
  const image = theirs["image"] ?? ours["image"];
  const env = [...list(ours, "env"), ...list(theirs, "env")];
  const merged = { resources: RESOURCES, ...theirs, ...ours, image, ...(env.length > 0 && { env }) };
  return { ...spec, initContainers: [merged, ...all.filter(({ name }) => name !== ours["name"])] };
}

/** An init container brings the agent, and the agent runs the command of the container. */
function withExec(spec: Manifest, container: string, { image, url }: AgentSettings): Manifest {
  const install = {
    name: "lastbeat",
    image,
    args: ["install", "--to", FOLDER],
    volumeMounts: [mount("lastbeat", FOLDER)],
  };
  const wrapped = changed(spec, container, (each) => {
    const { args: _, ...rest } = each;
    const command = [`${FOLDER}/lastbeat`, "exec", "--ticket-file", `${TICKET_FOLDER}/${TICKET_KEY}`, "--"];
    return more(
      more(
        { ...rest, command: [...command, ...textsOf(each["command"]), ...textsOf(each["args"])] },
        "env",
        environment(url),
      ),
      "volumeMounts",
      [mount("lastbeat", FOLDER), TICKET_MOUNT],
    );
  });
  return withOurs(wrapped, install);
}

/** The agent runs beside the container, and answers the probes of the kubelet. */
function withSidecar(spec: Manifest, container: string, { image, url }: AgentSettings): Manifest {
  const probe = (path: string): Manifest => ({ httpGet: { path, port: PORT } });
  const sidecar = {
    name: "lastbeat",
    image,
    args: [
      "sidecar",
      "--container",
      container,
      "--state-dir",
      FOLDER,
      "--ticket-file",
      `${TICKET_FOLDER}/${TICKET_KEY}`,
    ],
    restartPolicy: "Always",
    // A successor waits at the gate for as long as its predecessor drains.
    startupProbe: { ...probe("/started"), periodSeconds: 1, failureThreshold: 3600 },
    lifecycle: { preStop: probe("/leaving") },
    env: environment(url),
    volumeMounts: [mount("lastbeat", FOLDER), TICKET_MOUNT],
  };
  const watched = changed(spec, container, (each) => ({
    ...each,
    livenessProbe: { ...probe("/live"), periodSeconds: 2, failureThreshold: 3, terminationGracePeriodSeconds: 10 },
  }));
  return withOurs(watched, sidecar);
}

/** The image has the agent; it gets the address, and the ticket where an agent looks for it by itself. */
function withTicket(spec: Manifest, container: string, { url }: AgentSettings, secret: string): Manifest {
  const ticket = { name: "LASTBEAT_TICKET", valueFrom: { secretKeyRef: { name: secret, key: TICKET_KEY } } };
  return changed(spec, container, (each) => more(each, "env", [...environment(url), ticket]));
}

const FORMS = { exec: withExec, sidecar: withSidecar, image: withTicket, none: undefined } as const;

/** The spec of a pod whose container is run by the agent, or beside it. `secret`: the name of the one with the ticket. */
export function withAgent(
  spec: Manifest,
  container: string,
  secret: string,
  form: JobTarget["agent"],
  settings: AgentSettings,
): Manifest {
  const formed = FORMS[form]?.(spec, container, settings, secret);
  if (formed === undefined) return spec;
  return { ...formed, volumes: [...list(formed, "volumes"), ...volumes(secret)] };
}

/** The data of the secret with a ticket. */
export const ticketData = (ticket: string): Readonly<Record<string, string>> => ({ [TICKET_KEY]: ticket });
