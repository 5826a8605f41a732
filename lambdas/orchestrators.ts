import { secretReader, secretsClient } from "../lib/adapters/aws/secrets.ts";
import { airflowServer } from "../lib/adapters/orchestrator/airflow.ts";
import { prefectServer } from "../lib/adapters/orchestrator/prefect.ts";
import type { OrchestratorTarget } from "../lib/core/spec.ts";
import { airflowStarter } from "../lib/dispatch/airflow/starter.ts";
import { prefectStarter } from "../lib/dispatch/prefect/starter.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { AirflowServer } from "../lib/ports/airflow.ts";
import type { Starter } from "../lib/ports/dispatch.ts";
import type { PrefectServer } from "../lib/ports/prefect.ts";
import { once, systemClock } from "./variables.ts";

/** An orchestrator of the settings. `secret`: the ARN of the secret with which we prove who we are, if it asks for that. */
type Setting = {
  readonly kind: OrchestratorTarget["kind"];
  readonly name: string;
  readonly url: string;
  readonly secret?: string;
  readonly onDemand?: Readonly<Record<string, unknown>>;
};

/** An orchestrator whose API starts attempts. Its client lives as long as the process, with what it knows of its secret. */
type Known =
  | { readonly kind: "prefect"; readonly setting: Setting; readonly server: PrefectServer }
  | { readonly kind: "airflow"; readonly setting: Setting; readonly server: AirflowServer };

let others: readonly Known[] | undefined;

function known(setting: Setting, readSecret: () => Promise<string>): Known {
  const { now } = systemClock;
  return setting.kind === "prefect"
    ? { kind: setting.kind, setting, server: prefectServer(setting, readSecret, now) }
    : { kind: setting.kind, setting, server: airflowServer(setting, readSecret, now) };
}

/** For the embedded server, which has no Secrets Manager: `secret` is the text itself. Call it before the first message. */
export function useOrchestrators(orchestrators: readonly Setting[]): void {
  others = orchestrators.map((each) => known(each, async () => each.secret ?? ""));
}

const ofSettings: () => readonly Known[] = once((environment) => {
  const settings = JSON.parse(environment[ENVIRONMENT.orchestrators] ?? "[]") as readonly Setting[];
  const client = secretsClient();
  return settings.map((each) =>
    known(each, each.secret === undefined ? async () => "" : secretReader(client, each.secret)),
  );
});

/** The starter of a target at an orchestrator; undefined if the settings have no such orchestrator. */
export function orchestratorStarter(target: OrchestratorTarget): Starter | undefined {
  const found = (others ?? ofSettings()).find(
    ({ kind, setting }) => kind === target.kind && setting.name === target.name,
  );
  if (found?.kind === "prefect" && target.kind === "prefect")
    return prefectStarter(found.server, found.setting, target, systemClock.now);
  if (found?.kind === "airflow" && target.kind === "airflow") return airflowStarter(found.server, target);
  return undefined;
}
