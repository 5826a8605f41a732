import { GetAccountSettingsCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { Check } from "./checks.ts";
import { ok, warning } from "./finding.ts";
import { clientSettings } from "./settings.ts";

/** What a new account has in all, until somebody asks; the usual is a thousand. */
const OF_A_NEW_ACCOUNT = 10;

const concurrency: Check = {
  name: "concurrency",
  needs: "lambda:GetAccountSettings",
  look: async ({ settings }) => {
    const client = new LambdaClient(clientSettings(settings));
    const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
    const limit = AccountLimit?.ConcurrentExecutions ?? 0;
    if (limit > OF_A_NEW_ACCOUNT) return [ok("concurrency", `${limit} Lambdas of the account may run at once`)];
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
