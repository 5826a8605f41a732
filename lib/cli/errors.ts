/** A command line that cannot be understood. The message says what to write instead. Exit code 2. */
export class UsageError extends Error {}

/** A command that was understood, but failed. Exit code 1. */
export class CommandError extends Error {}
