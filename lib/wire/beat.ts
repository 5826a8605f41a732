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

/**
 * The body of a beat. It is apart from the others, because schemas are made when a Lambda starts, and the Lambda of
 * beats needs only this one.
 */
export const beat = z.strictObject({
  progress: z.exactOptional(
    z.strictObject({ value: value(), of: z.exactOptional(value()), note: z.exactOptional(onItem()) }),
  ),
});
