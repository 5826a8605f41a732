import { en } from "zod/locales";
import * as z from "zod/mini";

z.config(en()); // without it every refusal says "Invalid input" and no more

/** A text of so many bytes in JSON at the most. */
export const bytes = (most: number) =>
  z.string().check(
    z.refine((value) => new TextEncoder().encode(JSON.stringify(value)).length <= most + '""'.length, {
      error: `is longer than ${most} bytes`,
    }),
  );

/**
 * Bytes in JSON of each of the two texts on the run item, the progress note and the reason. With them, the longest ids
 * and 200 charges the item stays under 1 KB, and is renewed for one write unit.
 */
const TEXT_BYTES = 200;

export const onItem = () => bytes(TEXT_BYTES);
