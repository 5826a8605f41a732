import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { beforeEach, describe, expect, test } from "vitest";
import { storedKeys } from "../../../lib/adapters/aws/keys.ts";
import { type RotationStep, rotate } from "../../../lib/adapters/aws/rotation.ts";
import { type Instant, instant, after as later, seconds } from "../../../lib/core/time.ts";

const NOON = instant(Date.parse("2026-11-22T12:00:00Z"));
const DAY = seconds(86_400);
const FIRST = JSON.stringify({ initial: "x".repeat(64) });

/** A secret with its versions and their stages, as Secrets Manager keeps them. */
class Secret {
  readonly texts = new Map<string, string>([["v1", FIRST]]);
  readonly stages = new Map<string, string>([["AWSCURRENT", "v1"]]);
  readonly client = { send: async (command: object) => this.answer(command) } as unknown as SecretsManagerClient;

  step(Step: RotationStep["Step"], token: string, now: Instant = NOON): Promise<void> {
    return rotate(this.client, { Step, SecretId: "keys", ClientRequestToken: token }, now);
  }

  get current(): string {
    return this.texts.get(this.stages.get("AWSCURRENT") ?? "") ?? "";
  }

  private answer(command: object): object {
    if (command instanceof GetSecretValueCommand) {
      const { VersionId, VersionStage = "AWSCURRENT" } = command.input;
      const version = VersionId ?? this.stages.get(VersionStage) ?? "";
      const text = this.texts.get(version);
      if (text === undefined || this.stages.get(VersionStage) !== version)
        throw new ResourceNotFoundException({ message: "no such version", $metadata: {} });
      return { SecretString: text, VersionId: version };
    }
    if (command instanceof PutSecretValueCommand) {
      const { ClientRequestToken = "", SecretString = "" } = command.input;
      this.texts.set(ClientRequestToken, SecretString);
      this.stages.set("AWSPENDING", ClientRequestToken);
      return {};
    }
    if (command instanceof UpdateSecretVersionStageCommand) {
      const { MoveToVersionId, RemoveFromVersionId, VersionStage } = command.input;
      if (MoveToVersionId === undefined) {
        expect([VersionStage, RemoveFromVersionId]).toEqual(["AWSPENDING", this.stages.get("AWSPENDING")]);
        this.stages.delete("AWSPENDING");
        return {};
      }
      expect(RemoveFromVersionId).toBe(this.stages.get("AWSCURRENT"));
      this.stages.set("AWSCURRENT", MoveToVersionId);
      return {};
    }
    throw new Error(`${command.constructor.name} is not expected`);
  }
}

let secret: Secret;
beforeEach(() => {
  secret = new Secret();
});

describe("a rotation, step by step,", () => {
  test("makes a key that signs a day later current, and keeps the one before", async () => {
    for (const step of ["createSecret", "setSecret", "testSecret", "finishSecret"] as const)
      await secret.step(step, "v2");
    const [newest, before, ...others] = storedKeys(secret.current);
    expect(newest.signsFrom).toBe(later(NOON, DAY));
    expect(newest.secret).toHaveLength(32);
    expect(before?.id).toBe("initial");
    expect(others).toEqual([]);
  });

  test("changes nothing when a step comes again", async () => {
    await secret.step("createSecret", "v2");
    const pending = secret.texts.get("v2");
    await secret.step("createSecret", "v2");
    expect(secret.texts.get("v2")).toBe(pending);
    await secret.step("finishSecret", "v2");
    await secret.step("finishSecret", "v2");
    expect(secret.current).toBe(pending);
  });

  test("leaves the current keys alone until its last step", async () => {
    await secret.step("createSecret", "v2");
    await secret.step("testSecret", "v2");
    expect(secret.current).toBe(FIRST);
  });

  test("fails its test when it has taken so long that its key would sign before all have read it", async () => {
    await secret.step("createSecret", "v2");
    const late = instant(later(NOON, DAY) - 15 * 60_000 + 1);
    await secret.step("testSecret", "v2", instant(late - 1));
    await expect(secret.step("testSecret", "v2", late)).rejects.toThrow("this rotation took too long");
    expect([...secret.stages.keys()]).toEqual(["AWSCURRENT"]); // or it would be tried for ever
  });

  test("passes the test of a schedule that is new, which comes with a copy of the current value", async () => {
    secret.texts.set("v2", FIRST);
    secret.stages.set("AWSPENDING", "v2");
    await secret.step("testSecret", "v2");
  });

  test("fails its test when the pending value cannot be read", async () => {
    secret.texts.set("v2", "{}");
    secret.stages.set("AWSPENDING", "v2");
    await expect(secret.step("testSecret", "v2")).rejects.toThrow("the secret of the signing keys");
  });

  test("is refused while the one before is not over", async () => {
    for (const step of ["createSecret", "finishSecret"] as const) await secret.step(step, "v2");
    await expect(secret.step("createSecret", "v3", later(NOON, seconds(86_399)))).rejects.toThrow("is not over");
    await secret.step("createSecret", "v3", later(NOON, DAY));
  });

  test("does not hide an error of Secrets Manager behind a new key", async () => {
    const denied = { send: () => Promise.reject(new Error("AccessDenied")) } as unknown as SecretsManagerClient;
    const step: RotationStep = { Step: "createSecret", SecretId: "keys", ClientRequestToken: "v2" };
    await expect(rotate(denied, step, NOON)).rejects.toThrow("AccessDenied");
  });
});
