import { after, milliseconds, seconds } from "../core/time.ts";
import { Busy, type EndOfRun, Refused, type Starter } from "../ports/dispatch.ts";
import type { App } from "./app.ts";
import type { Dispatched } from "./dispatch.ts";

/** What its workers say about the end themselves comes first: two reports within 6 s. */
const SAID_BY_THEN = seconds(20);
const AGAIN = seconds(60);
/** A target that has not answered for so long is told nothing any more. */
const GIVEN_UP = seconds(24 * 3600);

/** The runs that may follow a run that has ended: its work was started once more. */
function nextLives(run: string): readonly string[] {
  const [, base, life] = /^(.+)\.(\d+)$/.exec(run) ?? [];
  return base === undefined ? [`${run}.2`] : [`${run}.2`, `${base}.${Number(life) + 1}`];
}

/** Has the target of an ended run show it as ended, unless the work was started once more meanwhile. */
export async function close(
  app: App,
  starterOf: (ended: Pick<EndOfRun, "target">) => Starter,
  ended: EndOfRun,
): Promise<Dispatched> {
  const now = app.clock.now();
  if (after(ended.at, GIVEN_UP) <= now) return { kind: "done", why: "it has ended more than a day ago" };
  const wait = after(ended.at, SAID_BY_THEN) - now;
  if (wait > 0) return { kind: "again", after: milliseconds(wait) };
  const others = await Promise.all(nextLives(ended.run).map((run) => app.specs.read(run, now)));
  if (others.some((other) => other !== undefined)) return { kind: "done", why: "it was started once more" };
  try {
    await starterOf(ended).close?.(ended);
  } catch (error) {
    const isPassing = error instanceof Busy || (error instanceof Refused && !error.isOwn);
    if (!isPassing) throw error;
    app.log.write({ decision: "close-delayed", run: ended.run, error: error.message });
    return { kind: "again", after: AGAIN };
  }
  return { kind: "done", why: "its target shows its end" };
}
