import { asFence, type Fence, type RunKey } from "../core/run.ts";
import { type Instant, instant, milliseconds, type Span } from "../core/time.ts";

/**
 * What a ticket or a token says. It names the run item, so that none has to be looked up, and the lease that a beat
 * renews.
 */
export type Claims = RunKey & { readonly attempt: number; readonly fence: Fence; readonly lease: Span };

export type Credential = {
  readonly claims: Claims;
  /** From this instant on it is refused. It is absent in credentials from before expiries existed. */
  readonly expiry?: Instant;
  readonly keyId: string;
  readonly signed: string;
  readonly hmac: string;
};

/**
 * `<run>.<attempt>.<fence>.<shard>.<lease in ms>.<key id>-<expiry>.<hmac>`; 43 letters of unpadded base64url hold 256
 * bits. It is read from its end, because only a run may have dots. The expiry is in hours since the Unix epoch, in base
 * 36: four letters until the year 2161. To an agent it is a part of the key's id.
 */
const FORM =
  /^(?<signed>(?<run>[A-Za-z0-9][\w.:+/-]{0,127})\.(?<attempt>\d{1,9})\.(?<fence>\d{1,12})\.(?<shard>\d{1,4})\.(?<lease>\d{1,8})\.(?<keyId>[\w-]{1,32}?)(?:-(?<expiry>[0-9a-z]{4}))?)\.(?<hmac>[\w-]{43})$/;

/** The part of a credential that is signed. */
export const unsigned = ({ run, attempt, fence: of, shard, lease }: Claims, keyId: string, expiry: Instant): string =>
  [run, attempt, of, shard, lease, `${keyId}-${inHours(expiry)}`].join(".");

const HOUR_MS = 3_600_000;

/** Rounded up, so that no credential ends early. */
const inHours = (at: Instant): string =>
  Math.ceil(at / HOUR_MS)
    .toString(36)
    .padStart(4, "0");

/**
 * What an Authorization header carries; undefined if it is missing or malformed. Nothing in it is trusted before its
 * HMAC is checked.
 */
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
