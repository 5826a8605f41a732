import * as z from "zod/mini";
import { TEXT_BYTES } from "./bounds.ts";
import { cut } from "./cut.ts";

/**
 * A text for people. At most `characters` are accepted, as JSON Schema counts them; of these, `keptBytes` bytes in JSON
 * are kept. A stop that an operator asks for at 3 am must not be refused because its reason is long.
 */
export const words = (characters: number, keptBytes: number) =>
  z
    .string()
    .check(
      z.refine((text) => [...text].length <= characters, {
        error: `is longer than ${characters} characters`,
        abort: true,
      }),
      z.overwrite((text) => cut(text, keptBytes)),
    )
    .register(z.globalRegistry, { maxLength: characters });

/** A text that is kept on the run item. */
export const onItem = () => words(1000, TEXT_BYTES);
