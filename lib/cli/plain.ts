/** Names that do not leave the machine or the cluster. */
const NEAR = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\]|.+\.(svc|local))$/;

/** Whether what is sent to that address can be read by somebody who listens on the way. */
export function isReadable(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !NEAR.test(hostname);
}

/** Says so of each address that is such. LASTBEAT_INSECURE=1: somebody knows. */
export function warnOfPlain(
  addresses: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  say: (line: string) => void,
): void {
  if (environment["LASTBEAT_INSECURE"] === "1") return;
  for (const address of addresses.filter(isReadable))
    say(
      `${address} is not encrypted, so somebody who listens on the way can read the credentials: use https, or set LASTBEAT_INSECURE=1 if that is intended`,
    );
}
