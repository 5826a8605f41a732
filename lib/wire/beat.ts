import * as z from "zod/mini";
import { isStorable, LEAST_MAGNITUDE as LEAST, MOST_MAGNITUDE as MOST } from "./bounds.ts";
import { onItem } from "./texts.ts";

const value = () =>
  z
    .number()
    .check(z.refine(isStorable, { error: "is neither 0 nor from 1e-130 to 1e125 in magnitude" }))
    .register(z.globalRegistry, {
      anyOf: [{ const: 0 }, { minimum: LEAST, maximum: MOST }, { minimum: -MOST, maximum: -LEAST }],
    });

/** The body of a beat, apart from the others: schemas are made when a Lambda starts, and that of beats needs this one. */
export const beat = z.strictObject({
  progress: z.exactOptional(
    z.strictObject({ value: value(), of: z.exactOptional(value()), note: z.exactOptional(onItem()) }),
  ),
});
