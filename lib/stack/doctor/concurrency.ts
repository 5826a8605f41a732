import { GetAccountSettingsCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { clientSettings } from "../settings.ts";
import type { Check } from "./checks.ts";
import { ok, warning } from "./finding.ts";

/** The limit of a new account until its owner asks for more. The usual limit is a thousand. */
const OF_A_NEW_ACCOUNT = 10;

/** AWS keeps this many for the functions that reserve none. */
const NEVER_RESERVED = 100;
/** A beat takes 20 ms: 1,000 runs need one at a time, and a fleet that comes back at once needs some dozens. */
const FOR_BEATS = 50;

/**
 * A function that runs wild takes all that is not reserved. A fleet whose beats are throttled for a lease stops its
 * work.
 */
function adviceOn(limit: number, reserved: number): string {
  if (reserved > 0) return `, ${reserved} of them reserved: check that some are for the beats (reservedConcurrency)`;
  if (limit < NEVER_RESERVED + 2 * FOR_BEATS) return ", too few to reserve any";
  return `, none of them reserved: reservedConcurrency={"beat":${FOR_BEATS}} keeps some from every other function`;
}

const concurrency: Check = {
  name: "concurrency",
  needs: "lambda:GetAccountSettings",
  look: async ({ settings }) => {
    const client = new LambdaClient(clientSettings(settings));
    const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
    const limit = AccountLimit?.ConcurrentExecutions ?? 0;
    const reserved = limit - (AccountLimit?.UnreservedConcurrentExecutions ?? limit);
    if (limit > OF_A_NEW_ACCOUNT)
      return [ok("concurrency", `${limit} Lambdas of the account may run at once${adviceOn(limit, reserved)}`)];
    return [
      warning(
        "concurrency",
        `only ${limit} Lambdas of the account may run at once, as in every new account: when many beats come together, they are throttled`,
        'ask Service Quotas for more "Concurrent executions" of Lambda',
      ),
    ];
  },
};

export const CONCURRENCY_CHECKS: readonly Check[] = [concurrency];
