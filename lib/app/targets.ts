import { createHash } from "node:crypto";
import { after, type Instant, seconds } from "../core/time.ts";
import type { Templates } from "../ports/dispatch.ts";
import { ID } from "../wire/ids.ts";
import { type FieldError, type Problem, problem } from "../wire/problems.ts";
import { DEFAULT_NAMESPACE, type TargetBody } from "../wire/targets.ts";
import { contentDigest } from "./content-digest.ts";

/** A deadline of a run is at most a year, and a registration writes the template again. */
const KEPT = seconds(400 * 24 * 3600);

/** A cluster in which Jobs are started. `namespaces`: only in these; absent: in all. */
export type JobsIn = { readonly name: string; readonly namespaces?: readonly string[] };

/** What is asked for a Job, with its template. */
export type JobBody = Extract<TargetBody, { kind: "job" }>;

/** What the service knows about targets. */
export type Targets = {
  readonly templates: Templates;
  readonly clusters: readonly JobsIn[];
  /** The names of the webhooks, and of the orchestrators of each kind. */
  readonly webhooks: readonly string[];
  readonly orchestrators: readonly { readonly kind: string; readonly name: string }[];
  /** Why no Job can be made of a template; undefined if one can. */
  readonly wrongWith: (template: Readonly<Record<string, unknown>>, target: JobBody) => string | undefined;
};

/** A target that attempts can be started at, its template stored, or what is wrong with it. */
export type Accepted =
  | { readonly ok: true; readonly target: TargetBody | undefined }
  | { readonly ok: false; readonly problem: Problem };

/**
 * Whether a run may act on what its target names. Two runs at one flow run would take it from each other, and a mistyped
 * one would end the work of others.
 */
function isOfRun(target: TargetBody, run: string): boolean {
  const own = runOf(target);
  return (
    own === undefined || run === own || (run.startsWith(`${own}.`) && /^[1-9]\d*$/.test(run.slice(own.length + 1)))
  );
}

/** The run that a target at an orchestrator belongs to; the agents make the same name. Undefined: any. */
function runOf(target: TargetBody): string | undefined {
  if (target.kind === "prefect") return `prefect-${target.flowRun}`;
  if (target.kind !== "airflow") return undefined;
  const { dag, dagRun, task, mapIndex } = target;
  const parts = [dag, dagRun, task, ...(mapIndex === undefined ? [] : [String(mapIndex)])];
  const name = `airflow/${parts.join("/")}`;
  const isPlain = name.length <= MOST_ID && ID.test(name) && !parts.some((part) => part.includes("/"));
  if (isPlain && !/\.\d+$/.test(name)) return name;
  return `airflow/${createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 32)}`;
}

/** The longest id of a run, with room for the `.2` of a later one. */
const MOST_ID = 124;

const foreign = (target: TargetBody): Accepted =>
  refused({ field: "target", detail: `belongs to the run ${runOf(target)}, and to no other` });

/** A target that is known by its name. */
function acceptNamed(
  target: TargetBody,
  { run, onCutOff }: { readonly run: string; readonly onCutOff?: "stop" | "continue" },
): Accepted {
  if (!isOfRun(target, run)) return foreign(target);
  // An orchestrator keeps no process at a gate: only the end of the lease keeps two of them apart.
  if (target.kind !== "webhook" && onCutOff === "continue")
    return refused({ field: "onCutOff", detail: `is stop where ${target.kind} starts the attempts` });
  return { ok: true, target };
}

/** One and all of a kind. */
const WORDS = {
  webhook: ["webhook", "webhooks"],
  prefect: ["server of Prefect", "servers of Prefect"],
  airflow: ["server of Airflow", "servers of Airflow"],
} as const;

/** What a deployment has of a kind, for one who has named something else. */
const known = (what: string, names: readonly string[]): string =>
  names.length === 0 ? "this deployment has none" : `the ${what} are ${names.join(", ")}`;

/**
 * Looks whether attempts can be started at a target. The template of a Job is stored, and its digest takes its place. The
 * same template has the same digest, in whatever run it is registered.
 */
export async function accept(
  targets: Targets,
  asked: { readonly run: string; readonly onCutOff?: "stop" | "continue" },
  target: TargetBody | undefined,
  now: Instant,
): Promise<Accepted> {
  if (target === undefined || target.kind === "queue") return { ok: true, target };
  if (target.kind === "job") return acceptJob(targets, target, now);
  const { kind, name } = target;
  const names =
    kind === "webhook"
      ? targets.webhooks
      : targets.orchestrators.filter((each) => each.kind === kind).map((each) => each.name);
  if (names.includes(name)) return acceptNamed(target, asked);
  const [what, all] = WORDS[kind];
  return refused({ field: "target.name", detail: `is no ${what}: ${known(all, names)}` });
}

async function acceptJob(
  { templates, clusters, wrongWith }: Targets,
  target: JobBody,
  now: Instant,
): Promise<Accepted> {
  const { cluster, namespace = DEFAULT_NAMESPACE, template } = target;
  const found = clusters.find(({ name }) => name === cluster);
  if (found === undefined) {
    const names = clusters.map(({ name }) => name);
    return refused({
      field: "target.cluster",
      detail: `is no cluster that Jobs are started in: ${known("clusters", names)}`,
    });
  }
  const { namespaces = [namespace] } = found;
  if (!namespaces.includes(namespace)) {
    const detail = `is none that Jobs are started in: the namespaces of ${cluster} are ${namespaces.join(", ")}`;
    return refused({ field: "target.namespace", detail });
  }
  if (typeof template !== "string") {
    const wrong = wrongWith(template, target);
    if (wrong !== undefined) return refused({ field: "target.template", detail: `makes no Job: ${wrong}` });
    const digest = contentDigest(template);
    await templates.keep(digest, template, after(now, KEPT));
    return { ok: true, target: { ...target, template: digest } };
  }
  const stored = await templates.read(template, now);
  if (stored === undefined)
    return refused({ field: "target.template", detail: "is not stored: send the template itself" });
  await templates.keep(template, stored, after(now, KEPT));
  return { ok: true, target };
}

const refused = (error: FieldError): Accepted => ({
  ok: false,
  problem: problem("invalid", { detail: `${error.field} ${error.detail}`, errors: [error] }),
});
