import { isSpotReclaim } from "../../core/classify/node.ts";
import { NOTE_LENGTH, type Notice } from "../../core/evidence.ts";
import type { Instant } from "../../core/time.ts";

/** An instance of EC2, as DescribeInstances shows it. */
export type SeenInstance = {
  readonly id: string;
  readonly state: string;
  /** A code, such as `Server.SpotInstanceTermination`, and its words. */
  readonly reason?: string;
  readonly words?: string;
};

/** A stopped instance may come back under the same id, and a hibernated one goes on where it was. */
const GOING: ReadonlySet<string> = new Set(["stopping", "stopped", "shutting-down"]);

/**
 * What an instance that was asked about says, as an event about it would have. Undefined while it is there. When it ended is
 * not told in a form to rely on, so it counts as gone from now.
 */
export function noticeOfInstance({ id, state, reason, words }: SeenInstance, now: Instant): Notice | undefined {
  const isGone = state === "terminated";
  if (!isGone && !GOING.has(state)) return undefined;
  const note = [state, reason, words].filter(Boolean).join(": ");
  const kind = isSpotReclaim(reason) ? "spot-interruption" : isGone ? "terminated" : "stopping";
  return {
    host: id,
    evidence: {
      id: `described-${id}-${state}`,
      source: "aws.ec2",
      kind,
      at: now,
      note: note.slice(0, NOTE_LENGTH),
      ...(isGone && { goneAt: now }),
    },
  };
}
