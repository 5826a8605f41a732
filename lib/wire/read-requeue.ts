import * as z from "zod/mini";
import type { Target } from "../core/spec.ts";
import type { Requeue } from "../ports/dispatch.ts";
import { ID } from "./ids.ts";
import { fromIso } from "./instants.ts";

const fromText = z.pipe(
  z.string(),
  z.transform((text: string) => fromIso(text)),
);

/** What a dispatcher reads of a message. What it does not need may be there, and may be new. */
const dispatched = z.looseObject({
  id: z.string(),
  time: fromText,
  data: z.looseObject({
    run: z.string().check(z.regex(ID)),
    previous: z.exactOptional(
      z.looseObject({
        attempt: z.int(),
        fence: z.int(),
        reported: z.exactOptional(z.literal(true)),
        holder: z.exactOptional(z.record(z.string(), z.string())),
      }),
    ),
    next: z.looseObject({
      attempt: z.int(),
      fence: z.int(),
      ticket: z.string(),
      startBy: fromText,
      capacity: z.enum(["any", "on-demand"]),
      held: z.boolean(),
    }),
    budgets: z.record(z.string(), z.looseObject({ used: z.int() })),
    target: z.looseObject({ kind: z.string() }),
  }),
});

/** The attempt that a message announces. Throws if the text is no message of ours. */
export function readRequeue(text: string): Requeue {
  const { time, data } = dispatched.parse(JSON.parse(text));
  const { run, previous, next, budgets, target } = data;
  const { attempt, fence, ticket, startBy, capacity, held } = next;
  return {
    run,
    attempt,
    fence,
    ticket,
    message: text,
    startBy,
    isHeld: held,
    capacity,
    outOfMemory: budgets["memory"]?.used ?? 0,
    ...(previous !== undefined && {
      previous: {
        attempt: previous.attempt,
        fence: previous.fence,
        isReported: previous.reported === true,
        ...(previous.holder !== undefined && { holder: previous.holder }),
      },
    }),
    target: target as Target,
    at: time,
  };
}
