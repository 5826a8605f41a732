import { allowed } from "../core/budgets.ts";
import { DEFAULTS, type Spec, type Target } from "../core/spec.ts";
import { type Span, seconds } from "../core/time.ts";
import type { SpecBody } from "./schemas.ts";
import { DEFAULT_NAMESPACE, type TargetBody } from "./targets.ts";

const given = <K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]: T });

const span = (value: number | undefined): Span | undefined => (value === undefined ? undefined : seconds(value));

/**
 * The spec that a body stands for. Our defaults fill in what it leaves out; `lease` is the default of the deployment.
 */
export function specOf(body: SpecBody, lease: Span = DEFAULTS.lease): Spec {
  const { attempts, ...budgets } = body.budgets ?? {};
  return {
    start: body.start ?? DEFAULTS.start,
    lease: span(body.leaseSeconds) ?? lease,
    startWithin: span(body.startWithinSeconds) ?? DEFAULTS.startWithin,
    ...given("attemptDeadline", span(body.attemptDeadlineSeconds)),
    ...given("deadline", span(body.deadlineSeconds)),
    budgets:
      attempts !== undefined
        ? { attempts }
        : {
            ...DEFAULTS.budgets,
            ...budgets,
          },
    backoff: {
      base: span(body.backoff?.baseSeconds) ?? DEFAULTS.backoff.base,
      max: span(body.backoff?.maxSeconds) ?? DEFAULTS.backoff.max,
    },
    onNotice: body.onNotice ?? DEFAULTS.onNotice,
    onCutOff: body.onCutOff ?? DEFAULTS.onCutOff,
    onDemandLast: body.onDemandLast ?? DEFAULTS.onDemandLast,
    target: targetOf(body.target),
    labels: body.labels ?? DEFAULTS.labels,
  };
}

/** The target that a body stands for. A template that stands in the body has been stored before. */
function targetOf(body: TargetBody | undefined): Target {
  if (body === undefined) return DEFAULTS.target;
  if (body.kind !== "job") return body;
  const { cluster, namespace = DEFAULT_NAMESPACE, template, minFence = "lease", sizes = [] } = body;
  if (typeof template !== "string") throw new Error("the template of a target is stored before its spec is made");
  return { kind: "job", cluster, namespace, template, minFence, agent: body.agent ?? "exec", sizes };
}

const inSeconds = (value: Span): number => value / 1000;

/** The spec as its owner would have written it, with every default spelled out. */
export function specBody(spec: Spec): SpecBody {
  return {
    start: spec.start,
    leaseSeconds: inSeconds(spec.lease),
    startWithinSeconds: inSeconds(spec.startWithin),
    ...(spec.attemptDeadline !== undefined && { attemptDeadlineSeconds: inSeconds(spec.attemptDeadline) }),
    ...(spec.deadline !== undefined && { deadlineSeconds: inSeconds(spec.deadline) }),
    budgets: "attempts" in spec.budgets ? spec.budgets : { ...spec.budgets, memory: allowed(spec.budgets, "memory") },
    backoff: { baseSeconds: inSeconds(spec.backoff.base), maxSeconds: inSeconds(spec.backoff.max) },
    onNotice: spec.onNotice,
    onCutOff: spec.onCutOff,
    onDemandLast: spec.onDemandLast,
    target: spec.target.kind === "job" ? { ...spec.target, sizes: [...spec.target.sizes] } : spec.target,
    labels: spec.labels,
  };
}
