import { createHash } from "node:crypto";

/** The first 132 bits of the SHA-256 of a text, in 22 letters of base64url: short enough for a key, too long for two texts to share one. */
export const digest = (text: string): string => createHash("sha256").update(text).digest("base64url").slice(0, 22);

/** A UUID that stands for a text: the same text has the same one. It is of version 8 (RFC 9562), made of SHA-256. */
export function nameUuid(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
