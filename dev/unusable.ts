/** Something that the embedded server stands on cannot be used. The message says what, and what to do about it. */
export class Unusable extends Error {}
