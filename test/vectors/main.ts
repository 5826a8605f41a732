import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { FOLDER, files } from "./files.ts";

/*
 * Writes the vectors that bind the hearts of all agents to that of lib/agent, and fails where a block of that heart is in no vector.
 */

/** The pure part of the agent. */
const HEART = ["heart.ts", "heart-types.ts", "beating.ts", "stopping.ts", "voice.ts"];

const inspector = new Session();
inspector.connect();
await inspector.post("Profiler.enable");
await inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
const written = await files();
const { result } = await inspector.post("Profiler.takePreciseCoverage");

let blocks = 0;
const missed: string[] = [];
for (const { url, functions } of result) {
  if (!url.includes("/lib/agent/") || !HEART.includes(basename(url))) continue;
  for (const { functionName, ranges } of functions)
    for (const { count, startOffset, endOffset } of ranges) {
      blocks += 1;
      if (count === 0)
        missed.push(`${fileURLToPath(url)}: ${functionName || "(top)"} from ${startOffset} to ${endOffset}`);
    }
}
for (const line of missed) console.error(`no vector comes through ${line}`);
for (const { name, text, lives, steps } of written) {
  writeFileSync(new URL(name, FOLDER), text);
  console.log(`${name}: ${lives} lives of ${steps} steps, ${Math.round(text.length / 1024)} kB`);
}
console.log(`${blocks} blocks of the heart, ${missed.length} of them in no vector`);
process.exitCode = missed.length === 0 && blocks > 50 ? 0 : 1;
