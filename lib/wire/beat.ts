import * as z from "zod/mini";
import { onItem } from "./texts.ts";

/** The body of a beat, apart from the others: schemas are made when a Lambda starts, and that of beats needs this one. */
export const beat = z.strictObject({
  progress: z.exactOptional(
    z.strictObject({ value: z.number(), of: z.exactOptional(z.number()), note: z.exactOptional(onItem()) }),
  ),
});
