import { reap } from "../lib/app/reap.ts";
import { seconds } from "../lib/core/time.ts";
import type { Claims } from "../lib/wire/credentials.ts";
import { service, specWith, tokenOf } from "../test/app/service.ts";
import type { Figure } from "./figure.ts";

const RUNS = 20_000;
/** So many verdicts that the code is compiled before it is timed. */
const WARM = 2000;

/** Verdicts a second on the memory adapter: each with its charge, ledger line, and message of the next attempt. */
export async function reaps(): Promise<readonly Figure[]> {
  const here = service();
  const spec = specWith();
  const tokens: Claims[] = [];
  for (let n = 0; n < RUNS + WARM; n += 1) tokens.push(await tokenOf(here, `run-${n}`, spec));
  here.pass(seconds(130));
  const all = async (these: typeof tokens): Promise<void> => {
    for (const token of these) {
      const { kind } = await reap(here, token);
      if (kind !== "reaped") throw new Error(`${token.run} is ${kind}`);
    }
  };
  await all(tokens.slice(0, WARM));
  const started = performance.now();
  await all(tokens.slice(WARM));
  const value = RUNS / ((performance.now() - started) / 1000);
  if (here.requeues.sent.length !== RUNS + WARM) throw new Error("not every verdict was announced");
  return [
    {
      name: "verdicts a second, in process",
      value,
      unit: "",
      atLeast: 10_000,
      beside: "the code alone, in memory; Oban's 16,700 jobs a second are durable",
    },
  ];
}
