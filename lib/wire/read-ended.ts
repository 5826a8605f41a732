import * as z from "zod/mini";
import type { Target } from "../core/spec.ts";
import type { EndOfRun } from "../ports/dispatch.ts";
import { RUN_ENDED } from "./ended-message.ts";
import { ID } from "./ids.ts";
import { fromIso } from "./instants.ts";

const schema = z.looseObject({
  type: z.literal(RUN_ENDED),
  time: z.string(),
  data: z.looseObject({
    run: z.string().check(z.regex(ID)),
    attempt: z.int(),
    outcome: z.enum(["succeeded", "failed", "canceled", "exhausted"]),
    cause: z.string(),
    target: z.looseObject({ kind: z.string() }),
    holder: z.exactOptional(z.record(z.string(), z.string())),
  }),
});

/** The end of a run that a text tells about; undefined if it is no such message. */
export function readEnded(text: string): EndOfRun | undefined {
  const found = schema.safeParse(JSON.parse(text));
  if (!found.success) return undefined;
  const { time, data } = found.data;
  const { run, attempt, outcome, cause, target, holder } = data;
  return { run, attempt, outcome, cause, at: fromIso(time), target: target as Target, ...(holder && { holder }) };
}
