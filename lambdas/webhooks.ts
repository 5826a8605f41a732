import { secretReader, secretsClient } from "../lib/adapters/aws/secrets.ts";
import { httpWebhook, type WebhookAddress } from "../lib/adapters/webhook/webhook.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Webhook } from "../lib/ports/webhooks.ts";
import { once, systemClock } from "./variables.ts";

/** A webhook of the settings. `secret`: the ARN of the secret that signs its events. */
type Setting = WebhookAddress & { readonly secret: string };

let others: readonly Webhook[] | undefined;

/** For the embedded server, which has no Secrets Manager: `secret` is the text itself. Call it before the first message. */
export function useWebhooks(webhooks: readonly Setting[]): void {
  others = webhooks.map((each) => httpWebhook(each, async () => each.secret, systemClock.now));
}

const ofSettings: () => readonly Webhook[] = once((environment) => {
  const settings = JSON.parse(environment[ENVIRONMENT.webhooks] ?? "[]") as readonly Setting[];
  const client = secretsClient();
  return settings.map((each) => httpWebhook(each, secretReader(client, each.secret), systemClock.now));
});

export const theWebhooks = (): readonly Webhook[] => others ?? ofSettings();
