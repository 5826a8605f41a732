import { secretReader, secretsClient } from "../lib/adapters/aws/secrets.ts";
import { type PrefectAddress, prefectServer } from "../lib/adapters/orchestrator/prefect.ts";
import type { PrefectSettings } from "../lib/dispatch/prefect/starter.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { PrefectServer } from "../lib/ports/prefect.ts";
import { once, systemClock } from "./variables.ts";

/** An orchestrator of the settings. `secret`: the ARN of the secret with which we prove who we are, if it asks for that. */
type Setting = { readonly kind: "prefect"; readonly secret?: string } & PrefectAddress & PrefectSettings;

/** An orchestrator whose API starts attempts. */
export type KnownOrchestrator = {
  readonly kind: "prefect";
  readonly settings: PrefectSettings;
  readonly server: PrefectServer;
};

let others: readonly KnownOrchestrator[] | undefined;

const known = (each: Setting, readSecret: () => Promise<string>): KnownOrchestrator => ({
  kind: each.kind,
  settings: each,
  server: prefectServer(each, readSecret, systemClock.now),
});

/** For the embedded server, which has no Secrets Manager: `secret` is the text itself. Call it before the first message. */
export function useOrchestrators(orchestrators: readonly Setting[]): void {
  others = orchestrators.map((each) => known(each, async () => each.secret ?? ""));
}

const ofSettings: () => readonly KnownOrchestrator[] = once((environment) => {
  const settings = JSON.parse(environment[ENVIRONMENT.orchestrators] ?? "[]") as readonly Setting[];
  const client = secretsClient();
  return settings.map((each) =>
    known(each, each.secret === undefined ? async () => "" : secretReader(client, each.secret)),
  );
});

export const theOrchestrators = (): readonly KnownOrchestrator[] => others ?? ofSettings();
