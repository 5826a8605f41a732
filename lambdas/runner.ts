import { beat } from "../lib/app/beat.ts";
import { claim } from "../lib/app/claim.ts";
import { sign } from "../lib/app/credentials.ts";
import { relay } from "../lib/app/drain.ts";
import { finish } from "../lib/app/finish.ts";
import type { Claims } from "../lib/wire/credentials.ts";
import { read } from "../lib/wire/read.ts";
import { httpReply, refused } from "../lib/wire/replies.ts";
import * as schemas from "../lib/wire/schemas.ts";
import { type HttpHandler, type HttpRequest, httpHandler } from "./http.ts";

/** The router has verified the credential of every call here; without one there is a bug. */
function claimsOf({ credential }: HttpRequest): Claims {
  if (credential === undefined) throw new Error("a runner's call without a credential");
  return credential.claims;
}

/** The calls of runners. They are authorized by ticket or token, so pods need no AWS credentials. */
export const handler: HttpHandler = httpHandler({
  claim: async (app, request) => {
    const body = read(schemas.claim, request.body);
    if (!body.ok) return refused(body.problem);
    const { reply, token } = await claim(app, claimsOf(request), body.value.holder);
    return httpReply(reply, token);
  },
  beat: async (app, request) => {
    const body = read(schemas.beat, request.body);
    if (!body.ok) return refused(body.problem);
    const reply = await beat(app, claimsOf(request), body.value.progress);
    const isOld = request.credential?.isCurrent === false && reply.kind === "renewed";
    return httpReply(reply, isOld ? await sign(app, "token", claimsOf(request)) : undefined);
  },
  finish: async (app, request) => {
    const body = read(schemas.finish, request.body);
    return body.ok ? httpReply(await finish(app, claimsOf(request), body.value)) : refused(body.problem);
  },
  notice: async (app, request) => {
    const body = read(schemas.notice, request.body);
    if (!body.ok) return refused(body.problem);
    const refusal = await relay(app, claimsOf(request), body.value);
    return refusal === undefined ? { status: 202, body: {} } : httpReply(refusal);
  },
  health: async () => ({ status: 200, body: { ok: true } }),
});
