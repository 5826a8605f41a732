import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { addressesOf } from "../agent/client.ts";
import { onDisk, stateFolder } from "../agent/folder.ts";
import { TERMINATION_LOG } from "../agent/termination.ts";
import type { Finding } from "../stack/doctor/finding.ts";
import { baseOf } from "../wire/base.ts";
import { parseBearer } from "../wire/credentials.ts";
import { HOST } from "../wire/ids.ts";
import type { Surroundings } from "./surroundings.ts";

/** The settings that a pod was given for `lastbeat exec`. */
export type Pod = Surroundings & {
  /** The front doors, separated by commas. */
  readonly urls: string | undefined;
  /** The front door that exec asks if none was given. */
  readonly fallback: string;
  readonly ticket: string | undefined;
  /** Unix milliseconds. */
  readonly clock: () => number;
};

const found = (state: "warning" | "problem", check: string, says: string, fix: string): Finding => ({
  state,
  check,
  says,
  fix,
});
const ok = (check: string, says: string): Finding => ({ state: "ok", check, says });

async function doors({ urls, fallback, clock }: Pod): Promise<readonly Finding[]> {
  const addresses = addressesOf(urls ?? "");
  const { frontDoor } = await import("../stack/doctor/front-door.ts");
  if (addresses.length === 0) {
    const here = await frontDoor(fallback, clock);
    if (here.every(({ state }) => state === "ok")) return here;
    const says = `LASTBEAT_URL is not set, and nothing answers at ${fallback}, where exec looks then`;
    return [found("problem", "front door", says, "set it to the output Url of the stack")];
  }
  return (await Promise.all(addresses.map((address) => frontDoor(address, clock)))).flat();
}

/** Which attempt the ticket is for. Its signature is a secret, and is never shown. */
function ticketOf(ticket: string | undefined): Finding {
  const text = ticket?.trim() ?? "";
  if (text === "")
    return found(
      "problem",
      "ticket",
      "LASTBEAT_TICKET is not set",
      "set it to the ticket of the registration, or of the requeue message",
    );
  const claims = parseBearer(`Bearer ${text}`)?.claims;
  if (claims === undefined)
    return found(
      "problem",
      "ticket",
      "LASTBEAT_TICKET is not a ticket of Lastbeat",
      "copy it completely and without quotes from the registration or the requeue message",
    );
  const { run, attempt, fence, lease } = claims;
  return ok("ticket", `for attempt ${attempt} of ${run}, fence ${fence}, lease ${lease / 1000} s`);
}

function hostOf(host: string): Finding {
  if (HOST.test(host)) return ok("host", `exec calls it ${host}: notices must use this name`);
  return found(
    "warning",
    "host",
    `"${host}" is not a valid host name, so no notice finds the attempts here`,
    "set LASTBEAT_HOST to the id of the instance, or to the name of the node",
  );
}

/** As long as exec waits for the metadata. */
const METADATA_MS = 1_000;

async function metadataOf(base: string | undefined): Promise<Finding> {
  const check = "instance metadata";
  if (base === undefined) return ok(check, "is not used: this is not an EC2 instance, or --imds is off");
  const fix = "raise the instance's metadata hop limit to 2, or rely on the notices that EventBridge brings";
  try {
    const response = await fetch(`${baseOf(base)}/latest/api/token`, {
      method: "PUT",
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" },
      redirect: "manual",
      signal: AbortSignal.timeout(METADATA_MS),
    });
    await response.arrayBuffer();
    if (response.status === 200) return ok(check, `${base} gives tokens: exec learns of interruptions itself`);
    return found(
      "warning",
      check,
      `${base} answered ${response.status}: exec does not learn of interruptions itself`,
      fix,
    );
  } catch {
    return found("warning", check, `${base} does not answer: exec does not learn of interruptions itself`, fix);
  }
}

const isThere = (path: string): Promise<boolean> =>
  onDisk(stat(path)).then(
    () => true,
    () => false,
  );

async function terminationLogOf(named: string | undefined): Promise<Finding> {
  const check = "termination log";
  const path = named ?? TERMINATION_LOG;
  const isHere = await isThere(path);
  if (named === undefined && !isHere) return ok(check, "does not exist, and is not needed outside Kubernetes");
  try {
    // If the file does not exist yet, exec creates it.
    await onDisk(access(isHere ? path : dirname(path), constants.W_OK));
    return ok(check, `${path} can be written`);
  } catch (error) {
    return found(
      "warning",
      check,
      `${path} cannot be written: ${(error as Error).message}`,
      "allow the user of the container to write it, or name another file in LASTBEAT_TERMINATION_LOG",
    );
  }
}

async function stateFolderOf(chosen: string | undefined): Promise<Finding> {
  const check = "state folder";
  const fix = "set LASTBEAT_STATE_DIR to a folder that this user can write, on a volume if the root is read-only";
  const lost = "a report that cannot be delivered at once would be lost";
  const said: string[] = [];
  const folder = await stateFolder(chosen, (line) => said.push(line));
  return folder === undefined
    ? found("warning", check, `${said.join("; ")}: ${lost}`, fix)
    : ok(check, `${folder} can be written`);
}

/** Checks whether `lastbeat exec` would find what it needs here. It calls only the front doors and the metadata. */
export async function examinePod(pod: Pod): Promise<readonly Finding[]> {
  const findings = await Promise.all([
    doors(pod),
    ticketOf(pod.ticket),
    hostOf(pod.host),
    metadataOf(pod.metadata),
    terminationLogOf(pod.terminationLog),
    stateFolderOf(pod.stateFolder),
  ]);
  return findings.flat();
}
