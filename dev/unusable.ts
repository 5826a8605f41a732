/** Something that the embedded server needs cannot be used. The message names it, and says what to do about it. */
export class Unusable extends Error {}
