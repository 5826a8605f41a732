import { randomBytes } from "node:crypto";
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { after, type Instant, milliseconds, seconds } from "../../core/time.ts";
import { KEYS_ARE_KEPT_MS, type StoredKey, secretText, storedKeys } from "./keys.ts";

/** A step of a rotation, as Secrets Manager asks for it. A step may be repeated. */
export type RotationStep = {
  readonly Step: "createSecret" | "setSecret" | "testSecret" | "finishSecret";
  readonly SecretId: string;
  readonly ClientRequestToken: string;
};

/**
 * A day, so that all Lambdas have read a new key before any of them signs with it, even if a step of the rotation fails
 * for hours first.
 */
const SIGNS_AFTER = seconds(24 * 3600);

/**
 * The keys after a rotation: a new key, and the one that signs today, so that tickets and tokens already handed out
 * stay valid. Older keys are dropped. It throws while the last rotation is not over, because the key that it would drop
 * still signs.
 */
export function rotated(
  current: readonly [StoredKey, ...StoredKey[]],
  now: Instant,
  id: string,
  secret: Uint8Array,
): readonly StoredKey[] {
  const [newest] = current;
  if (newest.signsFrom > now)
    throw new Error("the last rotation is not over: its key does not sign yet; rotate again a day after it");
  return [{ id, secret, signsFrom: after(now, SIGNS_AFTER) }, newest];
}

/** Stores the keys after this rotation, pending under its token. If they are already there, they stay. */
async function createKey(
  client: SecretsManagerClient,
  { SecretId, ClientRequestToken }: RotationStep,
  now: Instant,
): Promise<void> {
  try {
    await client.send(
      new GetSecretValueCommand({ SecretId, VersionId: ClientRequestToken, VersionStage: "AWSPENDING" }),
    );
    return;
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
  }
  const { SecretString: text = "" } = await client.send(new GetSecretValueCommand({ SecretId }));
  const keys = rotated(storedKeys(text), now, randomBytes(6).toString("hex"), randomBytes(32));
  await client.send(
    new PutSecretValueCommand({
      SecretId,
      ClientRequestToken,
      SecretString: secretText(keys),
      VersionStages: ["AWSPENDING"],
    }),
  );
}

/**
 * Whether the pending keys can be read, and in time. Secrets Manager tests a new rotation schedule with a copy of the
 * current value, which has nothing to wait for.
 */
async function testKey(
  client: SecretsManagerClient,
  { SecretId, ClientRequestToken }: RotationStep,
  now: Instant,
): Promise<void> {
  const { SecretString: pending = "" } = await client.send(
    new GetSecretValueCommand({ SecretId, VersionId: ClientRequestToken, VersionStage: "AWSPENDING" }),
  );
  const [newest] = storedKeys(pending);
  const { SecretString: current = "" } = await client.send(new GetSecretValueCommand({ SecretId }));
  if (pending === current) return;
  if (newest.signsFrom >= after(now, milliseconds(KEYS_ARE_KEPT_MS))) return;
  // While a pending version stands, Secrets Manager tries it again and again, and begins no other rotation.
  await client.send(
    new UpdateSecretVersionStageCommand({
      SecretId,
      VersionStage: "AWSPENDING",
      RemoveFromVersionId: ClientRequestToken,
    }),
  );
  throw new Error("this rotation took too long: its key would sign before all Lambdas have read it; rotate again");
}

async function finish(client: SecretsManagerClient, { SecretId, ClientRequestToken }: RotationStep): Promise<void> {
  const { VersionId } = await client.send(new GetSecretValueCommand({ SecretId }));
  if (VersionId === ClientRequestToken) return; // the step was repeated
  await client.send(
    new UpdateSecretVersionStageCommand({
      SecretId,
      VersionStage: "AWSCURRENT",
      MoveToVersionId: ClientRequestToken,
      RemoveFromVersionId: VersionId,
    }),
  );
}

/** One step of a rotation. There is nothing to set elsewhere, because only the secret holds the keys. */
export async function rotate(client: SecretsManagerClient, step: RotationStep, now: Instant): Promise<void> {
  switch (step.Step) {
    case "createSecret":
      return createKey(client, step, now);
    case "setSecret":
      return;
    case "testSecret":
      return testKey(client, step, now);
    case "finishSecret":
      return finish(client, step);
  }
}
