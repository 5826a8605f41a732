/** Names that do not leave the machine or the cluster. */
const NEAR = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\]|.+\.(svc|local))$/;

/** Whether a listener on the network can read what is sent to that address. */
export function isReadable(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !NEAR.test(hostname);
}

/** Warns of each plain address. LASTBEAT_INSECURE=1 turns the warnings off. */
export function warnOfPlain(
  addresses: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  say: (line: string) => void,
): void {
  if (environment["LASTBEAT_INSECURE"] === "1") return;
  for (const address of addresses.filter(isReadable))
    say(
      `${address} is not encrypted, so a listener on the network can read the credentials: use https, or set LASTBEAT_INSECURE=1 if that is intended`,
    );
}
