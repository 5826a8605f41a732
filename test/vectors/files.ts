import fc from "fast-check";
import type { Input } from "../../lib/agent/heart.ts";
import { instant } from "../../lib/core/time.ts";
import { schedule } from "../sim/schedule.ts";
import { life, played } from "./moves.ts";
import { type Played, vectorOf } from "./vector.ts";

export const FOLDER = new URL("../../agents/vectors/", import.meta.url);

/** One vector a line. */
export type VectorFile = {
  readonly name: string;
  readonly text: string;
  readonly lives: number;
  readonly steps: number;
};

/** Drawn once and for all: other lives are drawn by the property in test/agent. */
const SEED = 20261127;
const DRAWN = 2000;

/** Schedules of the simulator, and lives out of them that are short enough to be read. */
const SCHEDULES = 120;
const MOST_INPUTS = 40;

const fileOf = (name: string, lives: readonly Played[]): VectorFile => ({
  name,
  text: lives.map((one) => `${JSON.stringify(vectorOf(one))}\n`).join(""),
  lives: lives.length,
  steps: lives.reduce((sum, { inputs }) => sum + inputs.length, 0),
});

/** The lives of all agents of a few schedules. Their clock starts with the agent, and their tokens have short names. */
async function simulated(): Promise<readonly Played[]> {
  const lives: Played[] = [];
  for (let seed = 0; seed < SCHEDULES; seed += 1) {
    const agents = new Map<string, { played: Played; inputs: { now: number; roll: number; input: Input }[] }>();
    await schedule(seed, ({ agent, lease, start, now, roll, input }) => {
      const found = agents.get(agent) ?? { played: { lease, own: {}, start, inputs: [] }, inputs: [] };
      agents.set(agent, found);
      found.inputs.push({ now, roll, input });
    });
    for (const {
      played: { lease, start },
      inputs,
    } of agents.values()) {
      if (inputs.length > MOST_INPUTS) continue;
      const tokens: string[] = [];
      const named = inputs.map(({ now, roll, input }) => ({
        now: instant(now),
        roll: Math.floor(roll * 1024) / 1024,
        input: withShortToken(input, tokens),
      }));
      lives.push({ lease, own: {}, start, inputs: named });
    }
  }
  return lives;
}

function withShortToken(input: Input, tokens: string[]): Input {
  if ((input.kind !== "claimed" && input.kind !== "beaten") || input.answer.kind !== "ok") return input;
  const { token } = input.answer.body;
  if (token === undefined) return input;
  if (!tokens.includes(token)) tokens.push(token);
  const body = { ...input.answer.body, token: `token-${tokens.indexOf(token) + 1}` };
  return { ...input, answer: { ...input.answer, body } } as Input;
}

/** The files of vectors, as they have to be. */
export async function files(): Promise<readonly VectorFile[]> {
  const drawn = fc.sample(life, { seed: SEED, numRuns: DRAWN }).map(played);
  return [fileOf("drawn.jsonl", drawn), fileOf("simulated.jsonl", await simulated())];
}
