/**
 * Characters that a terminal would obey instead of showing: control characters (C0, DEL, C1), marks that turn the
 * direction of writing, characters without a width, and separators that some programs take for the end of a line.
 * Labels, notes, reasons and messages come from runners. A host that an attacker has taken over must not be able to
 * write to an operator's screen.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const ofCode = (character: string): string => {
  const code = character.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
};

/**
 * The text with every such character written out, as `\x1b`. So are ends of lines, for a text that must stay on one
 * line.
 */
export const printable = (text: string): string => text.replace(UNPRINTABLE, ofCode);

/** The same for each line of a text. */
export const printableLines = (text: string): string => text.split("\n").map(printable).join("\n");

/**
 * JSON for people and programs. Each such character that JSON leaves raw in a text is written as an escape that means
 * the same.
 */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value, undefined, 2)
    .split("\n")
    .map((line) =>
      line.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`),
    )
    .join("\n");
