/** The credentials of a caller of AWS. */
export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** Settings for the SDK's clients. They find what is left out in the usual places: environment, profile, instance. */
export type Settings = {
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials?: () => Promise<Credentials>;
};

/**
 * A person waits at a terminal. An answer takes a second at most, a handshake less. A call that takes longer has
 * failed.
 */
const REQUEST_MS = 10_000;
const CONNECT_MS = 3_000;

/** The configuration of a client of the SDK. */
export const clientSettings = (settings: Settings) => ({
  ...settings,
  requestHandler: { requestTimeout: REQUEST_MS, throwOnRequestTimeout: true, connectionTimeout: CONNECT_MS },
});

/** The region of the settings, else the region of the SDK. Throws the SDK's error if there is none. */
export async function regionOf(settings: Settings): Promise<string> {
  if (settings.region !== undefined) return settings.region;
  const { CloudFormationClient } = await import("@aws-sdk/client-cloudformation");
  return new CloudFormationClient(clientSettings(settings)).config.region();
}
