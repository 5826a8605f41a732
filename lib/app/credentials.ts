import { createHmac, timingSafeEqual } from "node:crypto";
import type { Key } from "../ports/surroundings.ts";
import { type Claims, parseBearer, unsigned } from "../wire/credentials.ts";
import type { App } from "./app.ts";

/** A ticket opens an attempt, a token beats and finishes it; neither is good for the other's calls. */
export type Domain = "ticket" | "token";

export type Verified =
  | { readonly ok: true; readonly claims: Claims; readonly isCurrent: boolean }
  | { readonly ok: false; readonly why: "unauthorized" | "wrong-run" };

const hmac = (key: Key, domain: Domain, text: string): string =>
  createHmac("sha256", key.secret).update(`lastbeat ${domain} v1\n${text}`).digest("base64url");

/** The letters are compared, not the bytes: the last one carries two bits that decoding drops. */
function isEqual(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** A credential signed with the newest key. */
export async function sign(app: Pick<App, "keys">, domain: Domain, claims: Claims): Promise<string> {
  const [newest] = await app.keys.all();
  const text = unsigned(claims, newest.id);
  return `${text}.${hmac(newest, domain, text)}`;
}

/** Whether the Authorization header is ours, of that domain, and for that run. No state is looked at. */
export async function verify(
  app: Pick<App, "keys">,
  domain: Domain,
  header: string | undefined,
  run: string,
): Promise<Verified> {
  const credential = parseBearer(header);
  const keys = await app.keys.all();
  const key = keys.find(({ id }) => id === credential?.keyId);
  if (credential === undefined || key === undefined) return { ok: false, why: "unauthorized" };
  if (!isEqual(hmac(key, domain, credential.signed), credential.hmac)) return { ok: false, why: "unauthorized" };
  if (credential.claims.run !== run) return { ok: false, why: "wrong-run" };
  return { ok: true, claims: credential.claims, isCurrent: key.id === keys[0].id };
}
