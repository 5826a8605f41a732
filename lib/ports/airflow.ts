/** One task instance: a task of a run of a DAG. `mapIndex`: -1 if the task is not mapped, as Airflow has it. */
export type TaskKey = {
  readonly dag: string;
  readonly dagRun: string;
  readonly task: string;
  readonly mapIndex: number;
};

/** A task instance, as far as its starter needs it. */
export type TaskInstance = {
  /** Such as `running`, `queued` or `up_for_retry`; undefined: nobody has taken it up. */
  readonly state: string | undefined;
  /** The number of the try that runs, or of the last one that has run. */
  readonly tryNumber: number;
  /** What was said to people about it last. */
  readonly note: string | undefined;
};

/**
 * A server of Airflow 3. What it refuses for good is thrown as a `Refused`, and everything else that it does not do as a
 * `Busy`.
 */
export type AirflowServer = {
  /** Undefined if there is no such task instance. */
  read(task: TaskKey): Promise<TaskInstance | undefined>;
  /**
   * Has it run again, with all retries of its user. `which`: `running`: only one that runs; it becomes *restarting*, and
   * its supervisor is told that its try is over. `idle`: only one that does not run; else the answer is `runs`. `failed`:
   * only one that has failed, with the tasks behind it that were not started for that.
   */
  clear(task: TaskKey, which: "running" | "idle" | "failed", note: string): Promise<"cleared" | "runs">;
  /** Ends one that does not run yet, as its users do. */
  fail(task: TaskKey, note: string): Promise<void>;
};
