import { GetAccountSettingsCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { clientSettings } from "../settings.ts";
import type { Check } from "./checks.ts";
import { ok, warning } from "./finding.ts";

/** What a new account has in all, until somebody asks; the usual is a thousand. */
const OF_A_NEW_ACCOUNT = 10;

/** AWS keeps so many for the functions that reserve none. */
const NEVER_RESERVED = 100;
/** Beats of 20 ms: what 1,000 runs need is one at a time, and a fleet that comes back at once is some dozens. */
const FOR_BEATS = 50;

/** A neighbour that runs wild takes what is not reserved, and a fleet whose beats are throttled for a lease stops its work. */
function adviceOn(limit: number, reserved: number): string {
  if (reserved > 0) return `, ${reserved} of them reserved: see that some are for the beats (reservedConcurrency)`;
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
        `only ${limit} Lambdas of the account may run at once, as in every new account: beats are throttled when many come together`,
        'ask Service Quotas for more "Concurrent executions" of Lambda',
      ),
    ];
  },
};

export const CONCURRENCY_CHECKS: readonly Check[] = [concurrency];
