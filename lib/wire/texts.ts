import { en } from "zod/locales";
import * as z from "zod/mini";
import { TEXT_BYTES } from "./bounds.ts";
import { cut } from "./cut.ts";

z.config(en()); // without it every refusal says "Invalid input" and no more

/**
 * Words for people. Of so many characters, as JSON Schema counts them, so many bytes in JSON are kept: a stop that somebody asks for
 * at 3 am is not refused because its reason is long.
 */
export const words = (characters: number, keptBytes: number) =>
  z.pipe(
    z
      .string()
      .check(z.refine((text) => [...text].length <= characters, { error: `is longer than ${characters} characters` }))
      .register(z.globalRegistry, { maxLength: characters }),
    z.transform((text: string) => cut(text, keptBytes)),
  );

/** A text that is kept on the run item. */
export const onItem = () => words(1000, TEXT_BYTES);
