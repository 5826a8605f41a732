import { directiveOf, isClaimed, type Run } from "../../lib/core/run.ts";
import { problemName } from "../../lib/wire/problems.ts";
import type { HttpReply } from "../../lib/wire/replies.ts";
import type { Lives, Version } from "./lives.ts";

type Body = {
  readonly state?: string;
  readonly outcome?: string;
  readonly attempt?: number;
  readonly fence?: number;
  readonly token?: string;
  readonly directive?: string;
};

/** The run as it was, even if it was archived. */
const known = ({ run, last }: Version): Run | undefined => run ?? last;

function fits(run: Run, { state, outcome, attempt, fence, token, directive }: Body): boolean {
  if (state !== undefined && run.state !== state) return false;
  if (outcome !== undefined && !(run.state === "ended" && run.outcome === outcome)) return false;
  if (attempt !== undefined && run.attempt !== attempt) return false;
  if (fence !== undefined && run.fence !== fence) return false;
  if (token !== undefined && !isClaimed(run)) return false;
  return directive === undefined || (isClaimed(run) && directiveOf(run) === directive);
}

/** What is untrue of a reply at every instant of its call; undefined if it was true at one. */
export function untruthOf(run: string, { status, body }: HttpReply, lives: Lives, since: number): string | undefined {
  const name = problemName(body);
  const isAbout = status < 300 || name === "superseded";
  const said = body as Body;
  const says = said.state ?? said.attempt ?? said.directive;
  if (!isAbout || says === undefined) return undefined;
  const versions = lives.since(since, run);
  const isTrue = versions.some((version) => {
    const then = known(version);
    return then !== undefined && fits(then, said);
  });
  return isTrue ? undefined : `a reply about ${run} was never true: ${status} ${JSON.stringify(body)}`;
}
