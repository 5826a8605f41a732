/** What was seen, in order, with the seconds since the start. */
export type Timeline = {
  say(run: string, what: string): void;
  /** Seconds since the start. */
  now(): number;
};

export function timeline(print: (line: string) => void): Timeline {
  const start = performance.now();
  const now = (): number => (performance.now() - start) / 1000;
  return {
    now,
    say: (run, what) => print(`${now().toFixed(1).padStart(6)} s  ${run.padEnd(9)} ${what}`),
  };
}
