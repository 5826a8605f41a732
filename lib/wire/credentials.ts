import { asFence, type Fence, type RunKey } from "../core/run.ts";
import { type Instant, instant, milliseconds, type Span } from "../core/time.ts";

/** What a ticket or a token says. It finds its run item without a read, and names the lease that a beat renews. */
export type Claims = RunKey & { readonly attempt: number; readonly fence: Fence; readonly lease: Span };

export type Credential = {
  readonly claims: Claims;
  /** From then on it is not taken any more; absent in those of before there were any such. */
  readonly expiry?: Instant;
  readonly keyId: string;
  readonly signed: string;
  readonly hmac: string;
};

/**
 * `<run>.<attempt>.<fence>.<shard>.<lease in ms>.<key id>-<expiry>.<hmac>`; 43 letters of unpadded base64url hold 256 bits. It is read
 * from its end: a run may have dots, and nothing else has. The expiry is in hours since the Unix epoch, in base 36: four letters until
 * the year 2161. For an agent it is a part of the key's id.
 */
const FORM =
  /^(?<signed>(?<run>[A-Za-z0-9][\w.:+/-]{0,127})\.(?<attempt>\d{1,9})\.(?<fence>\d{1,12})\.(?<shard>\d{1,4})\.(?<lease>\d{1,8})\.(?<keyId>[\w-]{1,32}?)(?:-(?<expiry>[0-9a-z]{4}))?)\.(?<hmac>[\w-]{43})$/;

/** The part of a credential that is signed. */
export const unsigned = ({ run, attempt, fence: of, shard, lease }: Claims, keyId: string, expiry: Instant): string =>
  [run, attempt, of, shard, lease, `${keyId}-${inHours(expiry)}`].join(".");

const HOUR_MS = 3_600_000;

/** Rounded up: nobody loses by it. */
const inHours = (at: Instant): string =>
  Math.ceil(at / HOUR_MS)
    .toString(36)
    .padStart(4, "0");

/** What an Authorization header carries; undefined when it is missing or garbled. Nothing is believed before its HMAC is. */
export function parseBearer(header: string | undefined): Credential | undefined {
  const groups = FORM.exec(header?.replace(/^Bearer +/i, "") ?? "")?.groups;
  if (groups === undefined || !/^Bearer +/i.test(header ?? "")) return undefined;
  const { run = "", attempt, fence: of, shard, lease, keyId = "", expiry, signed = "", hmac = "" } = groups;
  return {
    claims: {
      run,
      attempt: Number(attempt),
      fence: asFence(Number(of)),
      shard: Number(shard),
      lease: milliseconds(Number(lease)),
    },
    keyId,
    ...(expiry !== undefined && { expiry: instant(Number.parseInt(expiry, 36) * HOUR_MS) }),
    signed,
    hmac,
  };
}
