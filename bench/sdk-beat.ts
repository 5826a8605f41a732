import { claimsOf, httpHandler } from "../lambdas/http.ts";
import { keysFrom, once, setting, systemClock } from "../lambdas/variables.ts";
import { dynamoClient } from "../lib/adapters/aws/dynamo.ts";
import { dynamoRuns } from "../lib/adapters/aws/runs.ts";
import { type Beats, beat } from "../lib/app/beat.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import { beat as schema } from "../lib/wire/beat.ts";
import { read } from "../lib/wire/read.ts";
import { httpReply, refused } from "../lib/wire/replies.ts";

/** lambdas/beat.ts with the AWS SDK instead of calls that are signed by hand, for comparison. */
const theBeats = once(
  (environment): Beats => ({
    clock: systemClock,
    keys: keysFrom(environment, () => () => Promise.reject(new Error("no secret here"))),
    runs: dynamoRuns({ client: dynamoClient(), table: setting(environment, ENVIRONMENT.table) }),
  }),
);

export const handler = httpHandler(theBeats, {
  beat: async (app, request) => {
    const body = read(schema, request.body);
    return body.ok ? httpReply(await beat(app, claimsOf(request), body.value.progress)) : refused(body.problem);
  },
});
