import { randomUUID } from "node:crypto";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { describe, expect, test } from "vitest";
import type { Stage } from "./stage.ts";

export function describeKeys({ here, newHost, invoke }: Stage): void {
  describe.concurrent("the signing keys", () => {
    test("are rotated while a run lives: it keeps its token, and what is handed out later is good, too", async () => {
      const ticket = await here.register("across-the-rotation");
      const secrets = new SecretsManagerClient(here.sdk);
      const SecretId = here.output("keys");
      const token = randomUUID();
      // What RotateSecret does is played, because the emulator has no schedule: pending version, four steps.
      const step = (Step: string): Promise<unknown> => invoke("rotate", { Step, SecretId, ClientRequestToken: token });
      for (const name of ["createSecret", "setSecret", "testSecret", "finishSecret"]) await step(name);
      const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId }));
      const { keys } = JSON.parse(SecretString) as { keys: { id: string; signsFrom: string }[] };
      expect(keys.map(({ id }) => id)).toEqual([expect.not.stringMatching("initial"), "initial"]);
      expect(Date.parse(keys[0]?.signsFrom ?? "")).toBeGreaterThan(Date.now() + 23 * 3_600_000);
      await step("createSecret"); // a step that comes again changes nothing
      await step("finishSecret");
      await expect(
        invoke("rotate", { Step: "createSecret", SecretId, ClientRequestToken: randomUUID() }),
      ).rejects.toThrow("the last rotation is not over");
      expect(await here.agent(ticket, newHost(), "true").left).toBe(0);
    });
  });
}
