import type { Evidence, Notice } from "../../core/evidence.ts";
import type { Instant } from "../../core/time.ts";
import { DRILL_SOURCE } from "../../names.ts";
import type { Event } from "./event.ts";

/**
 * What an event says. `ignored`: it was understood, and concerns no attempt. `unknown`: it was not understood, or is
 * malformed, so the caller counts it and keeps it.
 */
export type Parsed =
  | {
      readonly kind: "notices";
      readonly notices: readonly Notice[];
      /**
       * The number of hosts beyond the limit, without notices. The caller counts and keeps the event like an unknown
       * one.
       */
      readonly surplus?: number;
    }
  | { readonly kind: "ignored"; readonly why: string }
  | { readonly kind: "unknown"; readonly why: string };

/** The evidence for all hosts that an event names. */
export type Told = Pick<Evidence, "kind"> & {
  readonly deadline?: Instant | undefined;
  readonly goneAt?: Instant | undefined;
  /** When this differs from the event's own time. */
  readonly at?: Instant;
  readonly saidAt?: Instant;
  readonly id?: string;
  readonly source?: string;
  readonly note?: string | undefined;
  readonly withdrawn?: true | undefined;
};

/**
 * The most notices of an event. It cannot name more instances: it has at most 256 KB, and an instance id with quotes
 * and comma takes 22 bytes. So no event is cut. The caller visits a few hosts at once.
 */
export const MOST_NOTICES = 12_000;

const INSTANCE = /^i-[0-9a-f]{8,17}$/;
/** With or without an account: a spot warning names `arn:aws:ec2:<zone>:instance/<id>`. */
const INSTANCE_ARN = /^arn:aws[a-z-]{0,20}:ec2:[a-z0-9-]{0,40}:(?:\d{0,12}:)?instance\//;

export const ignored = (why: string): Parsed => ({ kind: "ignored", why });

export const unknown = (why: string): Parsed => ({ kind: "unknown", why });

/** A text from an event, for people: cut, and without characters that break a line of a log. */
export const quoted = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value.slice(0, 80))
    : value === undefined
      ? "nothing"
      : `a ${typeof value}`;

/** The instance id in a text: the whole text, or the end of the ARN of an instance. */
function instanceOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const id = value.replace(INSTANCE_ARN, "");
  return INSTANCE.test(id) ? id : undefined;
}

/** The instances in some texts, each once, in their order. */
export const instancesOf = (values: readonly unknown[]): readonly string[] => [
  ...new Set(values.map(instanceOf).filter((id) => id !== undefined)),
];

/** A notice for each host, with the same evidence, which is kept under the host. */
export function notices(event: Event, hosts: readonly string[], told: Told): Parsed {
  const evidence: Evidence = {
    id: told.id ?? event.id,
    source: told.source ?? event.source,
    kind: told.kind,
    at: told.at ?? event.at,
    ...(told.saidAt !== undefined && { saidAt: told.saidAt }),
    ...(told.deadline !== undefined && { deadline: told.deadline }),
    // A drill is never proof of a death: the host is still there, and its attempts run until they have drained.
    ...(told.goneAt !== undefined && event.source !== DRILL_SOURCE && { goneAt: told.goneAt }),
    ...(event.source === DRILL_SOURCE && { drill: true }),
    ...(told.note !== undefined && { note: told.note }),
    ...(told.withdrawn !== undefined && { withdrawn: told.withdrawn }),
  };
  const surplus = hosts.length - MOST_NOTICES;
  return {
    kind: "notices",
    notices: hosts.slice(0, MOST_NOTICES).map((host) => ({ host, evidence })),
    ...(surplus > 0 && { surplus }),
  };
}

/** A notice for the only instance of an event: the one that its detail names, else the only one in its resources. */
export function aboutInstance(event: Event, named: unknown, told: Told): Parsed {
  const [host, ...others] = instanceOf(named) === undefined ? instancesOf(event.resources) : instancesOf([named]);
  if (host === undefined) return unknown("it names no instance");
  return others.length === 0 ? notices(event, [host], told) : unknown("it does not say which instance it means");
}
