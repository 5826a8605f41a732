import { beat } from "../lib/app/beat.ts";
import { sign } from "../lib/app/credentials.ts";
import { read } from "../lib/wire/read.ts";
import { httpReply, refused } from "../lib/wire/replies.ts";
import * as schemas from "../lib/wire/schemas.ts";
import { claimsOf, type HttpHandler, httpHandler } from "./http.ts";
import { theBeats } from "./store.ts";

/** The one hot call, in a Lambda of its own: it loads nothing that a beat does not need, and may write to run items only. */
export const handler: HttpHandler = httpHandler(theBeats, {
  beat: async (app, request) => {
    const body = read(schemas.beat, request.body);
    if (!body.ok) return refused(body.problem);
    const claims = claimsOf(request);
    const reply = await beat(app, claims, body.value.progress);
    const isOld = request.credential?.isCurrent === false && reply.kind === "renewed";
    return httpReply(reply, isOld ? await sign(app, "token", claims) : undefined);
  },
});
