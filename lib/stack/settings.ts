/** What AWS knows somebody by. */
export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** What the clients of the SDK are told; what is left out they find as they always do: environment, profile, instance. */
export type Settings = {
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials?: () => Promise<Credentials>;
};

/** Somebody waits at a terminal: an answer takes a second at most, a handshake a fraction of it. What takes longer has failed. */
const REQUEST_MS = 10_000;
const CONNECT_MS = 3_000;

/** The configuration of a client of the SDK. */
export const clientSettings = (settings: Settings) => ({
  ...settings,
  requestHandler: { requestTimeout: REQUEST_MS, throwOnRequestTimeout: true, connectionTimeout: CONNECT_MS },
});

/** The region that was given, or else the SDK's. Throws the SDK's error when there is none. */
export async function regionOf(settings: Settings): Promise<string> {
  if (settings.region !== undefined) return settings.region;
  const { CloudFormationClient } = await import("@aws-sdk/client-cloudformation");
  return new CloudFormationClient(clientSettings(settings)).config.region();
}
