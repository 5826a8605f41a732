import type { RecordView } from "../lib/wire/record.ts";
import { openStage, type Stage } from "./stage.ts";
import { type Claim, STORIES, type Story } from "./stories.ts";
import { timeline } from "./timeline.ts";

/** The longest story takes about 15 s; on a machine that is busy with other things it may take a few times that. */
const LIMIT_MS = 55_000;

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
  const first = stage.startPod(story.run, 1, ticket, story.command(1));
  await story.happens(stage, line, ticket, first);
  const record = await ended(stage, story.run);
  line.say(story.run, `ended: ${record.outcome}`);
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
  const stage = await openStage(line, ({ data }, receives) => {
    const story = storyOf(data.run);
    return { command: story.command(data.next.attempt), isKept: story.keepsFirstMessage === true && receives === 1 };
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
