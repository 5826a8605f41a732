/** Names that do not leave the machine or the cluster. */
const NEAR = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\]|.+\.(svc|local))$/;

/** Whether what is sent to that address can be read by whoever listens on the way. */
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
      `${address} is not encrypted: whoever listens on the way reads the credentials. Use https, or set LASTBEAT_INSECURE=1 to say that it is meant`,
    );
}
