import { createHash } from "node:crypto";

/** The first 132 bits of the SHA-256 of a text, in 22 letters of base64url: short enough for a key, too long for two texts to share one. */
export const digest = (text: string): string => createHash("sha256").update(text).digest("base64url").slice(0, 22);
