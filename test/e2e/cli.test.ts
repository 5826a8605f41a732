import { afterAll, beforeAll, expect, test } from "vitest";
import { agent, lastbeat, post, register, type Server, server, stop } from "./processes.ts";

let dev: Server;
beforeAll(async () => {
  dev = await server();
});
afterAll(() => stop(dev));

/** What a command printed, and how it left. */
async function said(...args: string[]): Promise<{ code: number | string; text: string; errors: string }> {
  const program = lastbeat(args, { LASTBEAT_URL: dev.info.api });
  const code = await program.left;
  return { code, text: program.lines.join("\n"), errors: program.errors.join("\n") };
}

test("a run is registered, run, listed and shown from the command line, in 80 columns", async () => {
  const { text: ticket } = await said("register", "etl-1", "--ticket", "--label", "team=ml", "--crashes", "1");
  await agent(dev, ticket, "sh", "-c", "exit 3").left;
  const { text } = await said("show", "etl-1");
  expect(text).toContain("crashed, charged to crashes (exit code 3)");
  expect(text).toContain("labels team=ml");
  expect(text).toContain("crashes 1/1");
  const { text: listed } = await said("runs");
  expect(listed).toMatch(/^RUN +STATE +TRY +WHAT +HOST$/m);
  expect(listed).toContain("etl-1");
  for (const line of [...listed.split("\n"), ...text.split("\n")]) expect(line.length).toBeLessThanOrEqual(80);
});

test("--json gives what the API gave", async () => {
  await register(dev, "as-json");
  const { text } = await said("show", "as-json", "--json");
  expect(JSON.parse(text)).toMatchObject({ run: "as-json", state: "queued", attempt: 1 });
});

test("a run is canceled and found among the ended ones", async () => {
  await register(dev, "unwanted");
  expect(await said("cancel", "unwanted", "--reason", "wrong day")).toMatchObject({
    code: 0,
    text: "unwanted is canceled",
  });
  expect((await said("runs", "--ended")).text).toMatch(/unwanted +ended +1 +canceled/);
});

test("a requeue of an attempt that has passed is refused with what is current", async () => {
  await register(dev, "again");
  await post(dev, "/v1/runs/again/requeue");
  const { code, errors } = await said("requeue", "again", "--attempt", "7");
  expect(code).toBe(1);
  expect(errors).toContain("attempt 1");
});

test.each([
  [["show", "nobody"], 1, "there is no run nobody"],
  [["show"], 2, "takes a run"],
  [["show", "a", "b"], 2, "one word too many"],
  [["nonsense"], 2, 'no command "nonsense"'],
  [["register", "x", "--lease", "long"], 2, "--lease takes a number"],
  [["register", "x", "--lease", "1"], 1, "leaseSeconds"],
  [["register", "x", "--label", "team"], 2, "KEY=VALUE"],
  [["register", "x", "--colour", "red"], 2, "--colour"],
  [["runs", "--url", "http://127.0.0.1:1"], 1, "lastbeat dev"],
  [["dev", "--port", "eight"], 2, "--port takes a whole number"],
])("%j is refused with what to do", async (args, code, error) => {
  const answer = await said(...args);
  expect(answer.code).toBe(code);
  expect(answer.errors).toContain(error);
  expect(answer.errors).not.toContain("    at "); // no stack
});

test("every command has its help, in 90 columns", async () => {
  for (const command of ["exec", "register", "runs", "show", "cancel", "requeue", "dev"]) {
    const { code, text } = await said(command, "--help");
    expect(code).toBe(0);
    expect(text).toContain(`lastbeat ${command}`);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(90);
  }
});
