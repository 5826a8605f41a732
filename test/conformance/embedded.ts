import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type Server, server, stop } from "../e2e/processes.ts";

/** An embedded server for the tests of a block, and a state folder that their agents inherit; returns the folder. */
export function withServer(prefix: string, use: (started: Server) => void): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  let started: Server;
  beforeAll(async () => {
    process.env["LASTBEAT_STATE_DIR"] = folder;
    started = await server();
    use(started);
  });
  afterAll(async () => {
    delete process.env["LASTBEAT_STATE_DIR"];
    await stop(started);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
