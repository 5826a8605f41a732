import { DYNAMODB, SECRETS_MANAGER, signedCall } from "../lib/adapters/aws/signed-call.ts";
import { signedRuns } from "../lib/adapters/aws/signed-runs.ts";
import { type Beats, beat } from "../lib/app/beat.ts";
import { sign } from "../lib/app/credentials.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import { beat as schema } from "../lib/wire/beat.ts";
import { read } from "../lib/wire/read.ts";
import { httpReply, refused } from "../lib/wire/replies.ts";
import { claimsOf, type HttpHandler, httpHandler } from "./http.ts";
import { keysFrom, once, setting, systemClock } from "./variables.ts";

/** Two tries of a second each end long before an agent with the default lease stops waiting (30 s). */
const TABLE_LIMITS = { attempts: 2, timeoutMs: 1000 };
/** A read that takes longer has failed. A Lambda that has read its keys before continues with them. */
const SECRET_LIMITS = { attempts: 3, timeoutMs: 2000 };

/** The parts of the app that a beat needs. */
const theBeats = once(
  (environment): Beats => ({
    clock: systemClock,
    keys: keysFrom(environment, (SecretId) => {
      const call = signedCall(SECRETS_MANAGER, environment, SECRET_LIMITS);
      return async () => String((await call("GetSecretValue", { SecretId }))["SecretString"] ?? "");
    }),
    runs: signedRuns(signedCall(DYNAMODB, environment, TABLE_LIMITS), setting(environment, ENVIRONMENT.table)),
  }),
);

/**
 * The Lambda for the hot call. It loads nothing that a beat does not need, not even the SDK, and may write to run items
 * only.
 */
export const handler: HttpHandler = httpHandler(theBeats, {
  beat: async (app, request) => {
    const body = read(schema, request.body);
    if (!body.ok) return refused(body.problem);
    const claims = claimsOf(request);
    const reply = await beat(app, claims, body.value.progress);
    const isOld = request.credential?.isCurrent === false && reply.kind === "renewed";
    return httpReply(reply, isOld ? await sign(app, "token", claims) : undefined);
  },
});
