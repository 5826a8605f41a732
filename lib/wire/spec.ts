import { DEFAULTS, type Spec } from "../core/spec.ts";
import { type Span, seconds } from "../core/time.ts";
import type { SpecBody } from "./schemas.ts";

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
            crashes: budgets.crashes ?? DEFAULTS.budgets.crashes,
            interruptions: budgets.interruptions ?? DEFAULTS.budgets.interruptions,
            losses: budgets.losses ?? DEFAULTS.budgets.losses,
            starts: budgets.starts ?? DEFAULTS.budgets.starts,
          },
    backoff: {
      base: span(body.backoff?.baseSeconds) ?? DEFAULTS.backoff.base,
      max: span(body.backoff?.maxSeconds) ?? DEFAULTS.backoff.max,
    },
    onNotice: body.onNotice ?? DEFAULTS.onNotice,
    onCutOff: body.onCutOff ?? DEFAULTS.onCutOff,
    onDemandLast: body.onDemandLast ?? DEFAULTS.onDemandLast,
    target: body.target ?? DEFAULTS.target,
    labels: body.labels ?? DEFAULTS.labels,
  };
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
    budgets: spec.budgets,
    backoff: { baseSeconds: inSeconds(spec.backoff.base), maxSeconds: inSeconds(spec.backoff.max) },
    onNotice: spec.onNotice,
    onCutOff: spec.onCutOff,
    onDemandLast: spec.onDemandLast,
    target: spec.target,
    labels: spec.labels,
  };
}
