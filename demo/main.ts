import type { RecordView } from "../lib/wire/run-view.ts";
import { openStage, type Stage } from "./stage.ts";
import { type Claim, STORIES, type Story } from "./stories.ts";
import { timeline } from "./timeline.ts";

/** The longest story takes about 20 s; on a machine that is busy with other things it may take a few times that. */
const LIMIT_MS = 85_000;

const line = timeline((text) => console.log(text));

/** Waits until the run has ended and all its pods have left. */
async function ended(stage: Stage, run: string): Promise<RecordView> {
  for (;;) {
    const record = await stage.record(run);
    if (record.state === "ended") {
      await Promise.all(stage.pods.filter((pod) => pod.run === run).map((pod) => pod.left));
      return record;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function play(stage: Stage, story: Story): Promise<readonly Claim[]> {
  const { ticket } = await stage.register(story.run, story.spec);
  const wire = story.isOnAWire === true ? await stage.wire() : undefined;
  const first = stage.startPod(story.run, 1, ticket, story.command(1), wire?.url);
  await story.happens({ stage, line, ticket, first, wire });
  const end = await ended(stage, story.run);
  line.say(story.run, `ended: ${end.outcome}`);
  await story.afterwards?.({ stage, line, ticket, first, wire });
  const record = await stage.record(story.run);
  return story.claims(
    record,
    stage.pods.filter(({ run }) => run === story.run),
  );
}

/** How long it took from the last sign of life to the verdict, and from there to the next command's first line. */
async function figures(stage: Stage): Promise<string> {
  const { attempts } = await stage.record("killed");
  const [first, second] = attempts;
  if (first?.endedAt === undefined || first.lastBeatAt === undefined || second?.claimedAt === undefined) return "";
  const between = (from: string, to: string): string => ((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1);
  return `A vanished node: declared lost ${between(first.lastBeatAt, first.endedAt)} s after its last beat (lease 5 s, a sweep every second),
its run claimed again ${between(first.endedAt, second.claimedAt)} s later.`;
}

function storyOf(run: string): Story {
  const story = STORIES.find((each) => each.run === run);
  if (story === undefined) throw new Error(`a message for ${run}, which no story tells of`);
  return story;
}

/** Rejects when the demo takes too long: the stage is closed then as after any failure. */
function tooLong(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`the demo did not end within ${LIMIT_MS / 1000} s`)), LIMIT_MS).unref();
  });
}

async function demo(): Promise<boolean> {
  console.log("Lastbeat: an embedded server, real processes, and a consumer that starts the next attempts.\n");
  const known = new Set<string>();
  const stage = await openStage(line, ({ id, data }, receives) => {
    const story = storyOf(data.run);
    const keeps = story.keepsFirstMessage === true;
    const isKnown = known.has(id) && !keeps; // a consumer may look at the id; it need not, the claim does
    known.add(id);
    return { command: story.command(data.next.attempt), isKept: keeps && receives === 1, isKnown };
  });
  try {
    const told = await Promise.race([Promise.all(STORIES.map((story) => play(stage, story))), tooLong()]);
    console.log("");
    for (const [index, claims] of told.entries()) {
      console.log(STORIES[index]?.title);
      for (const { what, isSeen } of claims) console.log(`  ${isSeen ? "seen    " : "NOT SEEN"}  ${what}`);
    }
    const isAll = told.flat().every(({ isSeen }) => isSeen);
    console.log(
      `\n${await figures(stage)}\n${isAll ? "All of it was seen" : "Not all of it was seen"}, in ${line.now().toFixed(1)} s.`,
    );
    return isAll;
  } finally {
    await stage.stop();
  }
}

process.exitCode = (await demo()) ? 0 : 1;
