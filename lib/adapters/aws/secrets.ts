import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

/** A read that takes longer has failed. A Lambda that already knows its keys goes on with them. */
export const secretsClient = (): SecretsManagerClient =>
  new SecretsManagerClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 2000, throwOnRequestTimeout: true },
  });

/** Reads the text of a secret with the SDK. */
export const secretReader = (client: SecretsManagerClient, SecretId: string) => async (): Promise<string> => {
  const { SecretString = "" } = await client.send(new GetSecretValueCommand({ SecretId }));
  return SecretString;
};
