import { claim } from "../lib/app/claim.ts";
import { finish } from "../lib/app/finish.ts";
import { forwardNotice } from "../lib/app/runner-notice.ts";
import { openapi } from "../lib/wire/openapi.ts";
import { read } from "../lib/wire/read.ts";
import { httpReply, refused } from "../lib/wire/replies.ts";
import * as schemas from "../lib/wire/schemas.ts";
import { beatUrl, takesAnonymousOwners, theApp } from "./connect.ts";
import { claimsOf, type HttpHandler, httpHandler } from "./http.ts";

/** The calls of runners, except beats. A ticket or token authorizes them, so pods need no AWS credentials. */
export const handler: HttpHandler = httpHandler(theApp, {
  claim: async (app, request) => {
    const body = read(schemas.claim, request.body);
    if (!body.ok) return refused(body.problem);
    const { reply, token } = await claim(app, claimsOf(request), body.value.holder);
    return httpReply(reply, token, beatUrl());
  },
  finish: async (app, request) => {
    const body = read(schemas.finish, request.body);
    return body.ok ? httpReply(await finish(app, claimsOf(request), body.value)) : refused(body.problem);
  },
  notice: async (app, request) => {
    const body = read(schemas.notice, request.body);
    if (!body.ok) return refused(body.problem);
    const refusal = await forwardNotice(app, claimsOf(request), body.value);
    return refusal === undefined ? { status: 202, body: {} } : httpReply(refusal);
  },
  openapi: async () => ({ status: 200, body: openapi(!takesAnonymousOwners()) }),
  health: async () => ({ status: 200, body: { ok: true } }),
});
