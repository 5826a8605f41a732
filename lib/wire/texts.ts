import { en } from "zod/locales";
import * as z from "zod/mini";
import { TEXT_BYTES } from "./bounds.ts";

z.config(en()); // without it every refusal says "Invalid input" and no more

/** A text of so many bytes in JSON at the most. */
export const bytes = (most: number) =>
  z.string().check(
    z.refine((value) => new TextEncoder().encode(JSON.stringify(value)).length <= most + '""'.length, {
      error: `is longer than ${most} bytes`,
    }),
  );

/** A text that is kept on the run item. */
export const onItem = () => bytes(TEXT_BYTES);
