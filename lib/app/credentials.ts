import { createHmac, timingSafeEqual } from "node:crypto";
import { after, type Instant, later, milliseconds, type Span, seconds } from "../core/time.ts";
import type { Key } from "../ports/runtime.ts";
import { type Claims, parseBearer, unsigned } from "../wire/credentials.ts";
import type { App } from "./app.ts";

/** A ticket opens an attempt; a token beats and finishes it. Neither is valid for the other's calls. */
export type Domain = "ticket" | "token";

export type Verified =
  | {
      readonly ok: true;
      readonly claims: Claims;
      /** Whether it is signed with the newest key and not yet a day old; otherwise a beat gets a new one. */
      readonly isCurrent: boolean;
    }
  | { readonly ok: false; readonly why: "unauthorized" | "wrong-run" | "expired" };

const hmac = (key: Key, domain: Domain, text: string): string =>
  createHmac("sha256", key.secret).update(`lastbeat ${domain} v1\n${text}`).digest("base64url");

/** The letters are compared, not the bytes, because the last letter carries two bits that decoding drops. */
function isEqual(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * How long each credential is valid. A token is valid for as long as an outage may hold up a report; a beat renews it
 * after a day. A ticket is valid until its attempt has to start, and for one more day, because its predecessor may take
 * its time to leave.
 */
const DAY = seconds(24 * 3600);
const GOOD_FOR: Readonly<Record<Domain, Span>> = { ticket: DAY, token: milliseconds(7 * DAY) };

type Signer = Pick<App, "keys" | "clock">;

/**
 * A credential that is signed with the newest key and expires by itself. `from`: when its time begins; now, if it is
 * absent.
 */
export async function sign(app: Signer, domain: Domain, claims: Claims, from?: Instant): Promise<string> {
  const [newest] = await app.keys.all();
  const expiry = after(later(app.clock.now(), from), GOOD_FOR[domain]);
  const text = unsigned(claims, newest.id, expiry);
  return `${text}.${hmac(newest, domain, text)}`;
}

/** Whether the Authorization header holds a credential of ours, of this domain and for this run. No state is read. */
export async function verify(app: Signer, domain: Domain, header: string | undefined, run: string): Promise<Verified> {
  const credential = parseBearer(header);
  const keys = await app.keys.all();
  // A credential from before expiries existed: the id of its key may end like an expiry.
  const old = keys.find(({ id }) => credential?.signed.endsWith(`.${id}`));
  const key = old ?? keys.find(({ id }) => id === credential?.keyId);
  const now = app.clock.now();
  if (credential === undefined || key === undefined) return { ok: false, why: "unauthorized" };
  if (!isEqual(hmac(key, domain, credential.signed), credential.hmac)) return { ok: false, why: "unauthorized" };
  if (credential.claims.run !== run) return { ok: false, why: "wrong-run" };
  const { claims } = credential;
  const expiry = old === undefined ? credential.expiry : undefined;
  if (expiry !== undefined && expiry <= now) return { ok: false, why: "expired" };
  const isFresh = expiry !== undefined && expiry > after(now, milliseconds(GOOD_FOR[domain] - DAY));
  return { ok: true, claims, isCurrent: key.id === keys[0].id && isFresh };
}
