import { QUEUE_CHECKS } from "../queues.ts";
import type { Settings } from "../settings.ts";
import { DESCRIBE, type Described, describeStack, noSuchStack, notOurs, type Stack } from "../stack.ts";
import { type Bench, couldNotLook, examine } from "./checks.ts";
import { CONCURRENCY_CHECKS } from "./concurrency.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";
import { frontDoor } from "./front-door.ts";
import { RULE_CHECKS } from "./rules.ts";
import { TABLE_CHECKS } from "./table.ts";
import { TRAIL_CHECKS } from "./trail.ts";

export type Patient = {
  readonly stack: string;
  /** A front door to use instead of the stack's own. */
  readonly url?: string | undefined;
  readonly settings: Settings;
  readonly version: string;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /**
   * Makes a call as the owner, signed for the region if it is known. If it is refused, throws an error with one
   * sentence.
   */
  readonly call: (url: string, region: string | undefined) => Promise<void>;
};

/** The present status of the stack in CloudFormation. */
function statusOf({ status, reason }: Stack): Finding {
  const says = `${status}${reason === undefined ? "" : `: ${reason}`}`;
  if (/_IN_PROGRESS$/.test(status)) return warning("stack", says, "wait until it ends, then run doctor again");
  if (/^(CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status)) return ok("stack", says);
  if (/^(UPDATE|IMPORT)_ROLLBACK_COMPLETE$/.test(status))
    return warning(
      "stack",
      `${says}: the last update failed and was rolled back`,
      "see the stack's events for what failed, then deploy again",
    );
  return problem("stack", says, "see the stack's events in CloudFormation for what failed, then deploy again");
}

function versionOf({ outputs: { version } }: Stack, own: string): Finding {
  if (version === own) return ok("version", `the stack and the command line are ${own}`);
  const says = `the stack has ${version ?? "no version"}, the command line is ${own}`;
  return warning("version", says, "deploy the stack or install the command line, so that both have the same version");
}

async function owner(url: string, region: string | undefined, call: Patient["call"]): Promise<Finding> {
  try {
    await call(url, region);
    return ok("owner call", "GET /v1/runs answers");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return problem(
      "owner call",
      why,
      "check that these credentials are of this account, and that execute-api:Invoke is allowed",
    );
  }
}

async function door(url: string, region: string | undefined, { clock, call }: Patient): Promise<readonly Finding[]> {
  const found = await frontDoor(url, clock);
  // If the front door does not answer, the owner's call would only report the same again.
  return found[0]?.state === "ok" ? [...found, await owner(url, region, call)] : found;
}

/** Checks everything that can be seen of a stack from outside. A check that fails does not stop the others. */
export async function doctor(patient: Patient): Promise<readonly Finding[]> {
  const { stack: name, settings, version, clock } = patient;
  const given = async (): Promise<readonly Finding[]> =>
    patient.url === undefined ? [] : door(patient.url, undefined, patient);
  let found: Described;
  try {
    found = await describeStack(name, settings);
  } catch (error) {
    return [couldNotLook("stack", error, DESCRIBE), ...(await given())];
  }
  if (found.kind === "absent")
    return [problem("stack", noSuchStack(name, found.region), "name the deployed stack, and its region")];
  const { stack } = found;
  const bench: Bench = { stack, settings, clock, version };
  const url = patient.url ?? stack.outputs.url;
  if (url === undefined)
    return [statusOf(stack), problem("outputs", notOurs(stack), "name a Lastbeat stack, or deploy this one again")];
  const [seen, examined] = await Promise.all([
    door(url, stack.region, patient),
    examine([...TABLE_CHECKS, ...QUEUE_CHECKS, ...RULE_CHECKS, ...TRAIL_CHECKS, ...CONCURRENCY_CHECKS], bench),
  ]);
  return [statusOf(stack), versionOf(stack, version), ...seen, ...examined];
}
