import { type Classified, classify as classifyFacts, SETTLES_AS } from "../../core/classify/classify.ts";
import type { Clue } from "../../core/classify/clue.ts";
import { instant } from "../../core/time.ts";
import { readFacts } from "../../evidence/facts.ts";
import type { LocalCommand } from "../command.ts";
import { SWITCH } from "../common-options.ts";
import { readJsonFile } from "../json-file.ts";
import { labelOf } from "../labels.ts";

const shown = ({ where, text, at, points, isHint }: Clue): object => ({
  where,
  text,
  points,
  ...(at !== undefined && { at: new Date(at).toISOString() }),
  ...(isHint === true && { isHint }),
});

/** What is printed: the cause in the words of people, whether the facts decide it, and what speaks for and against it. */
const answerOf = ({ verdict, evidence, contradicts }: Classified): object => ({
  cause: labelOf(verdict),
  confidence: verdict === "undecided" ? "undecided" : "decided",
  ...(verdict === "undecided" && { settlesAs: labelOf(SETTLES_AS) }),
  evidence: evidence.map(shown),
  contradicts: contradicts.map(shown),
});

export const classify: LocalCommand = {
  usage: `  lastbeat classify FILE.json|-
      why a pod, a Job, an instance or a process ended, from what was kept of it
`,
  help: `lastbeat classify FILE.json|-

Says why an attempt ended, from what was kept of it: {"input": ..., "node": ...} in a file,
or on stdin with "-". The input is an object of Kubernetes (a pod, a Job, a list of pods, an
event), an event or an answer of AWS, or the end of a process ({"exitCode": 137}). The node,
if there is one, is a Node or an instance of EC2. Fields may be missing. A pod, as kubectl
prints it with -o json, may also stand there alone.

The answer is JSON: {"cause", "confidence", "evidence", "contradicts"}. The cause is
preemption, user-failure, oom, system-failure, success, not-dead (nothing has ended) or
ambiguous (the facts do not decide it). The confidence is decided or undecided.

  --json               for programs; it is the same answer

Example: kubectl get pod etl-1-x7k2p -o json | lastbeat classify -

Exit codes: 0 done, whatever the cause is; 2 wrong usage.
`,
  options: { json: SWITCH },
  takes: ["FILE.json"],
  answer: async ([file = "-"]) => {
    const kept = readJsonFile(file, "the file");
    const now = instant(Date.now());
    const { input, node } = kept;
    const json = answerOf(classifyFacts(readFacts(input === undefined ? { input: kept } : { input, node }, now), now));
    return { json, text: `${JSON.stringify(json, undefined, 2)}\n` };
  },
};
