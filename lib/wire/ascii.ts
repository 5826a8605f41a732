/**
 * JSON in ASCII: every other character is escaped. SQS refuses U+FFFE and U+FFFF, and its emulators refuse more. A
 * label that somebody chose must not make a message undeliverable.
 */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
