import type { Classified } from "../core/classify/classify.ts";

/** What people call the ways in which an attempt may have ended. */
export type Label = "preemption" | "user-failure" | "oom" | "system-failure" | "success" | "not-dead" | "ambiguous";

const LABELS: Readonly<Record<Classified["verdict"], Label>> = {
  succeeded: "success",
  interrupted: "preemption",
  crashed: "user-failure",
  overran: "user-failure",
  unstartable: "user-failure",
  "out-of-memory": "oom",
  lost: "system-failure",
  "never-started": "system-failure",
  alive: "not-dead",
  undecided: "ambiguous",
};

export const labelOf = (verdict: Classified["verdict"]): Label => LABELS[verdict];
