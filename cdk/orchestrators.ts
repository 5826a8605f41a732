import { ENVIRONMENT } from "../lib/names.ts";
import type { Lambda } from "./lambda.ts";
import type { Settings } from "./settings.ts";

/** The environment variable that names the orchestrators, for the Lambda that calls them. */
export const orchestratorsIn = ({ orchestrators }: Settings): Readonly<Record<string, string>> =>
  variable(
    orchestrators.map(({ secretArn, ...each }) => ({ ...each, ...(secretArn !== undefined && { secret: secretArn }) })),
  );

/** The same for a Lambda that has to know only their names. Lambda takes 4 KB of variables. */
export const orchestratorNamesIn = ({ orchestrators }: Settings): Readonly<Record<string, string>> =>
  variable(orchestrators.map(({ kind, name }) => ({ kind, name })));

const variable = (value: readonly object[]): Readonly<Record<string, string>> =>
  value.length === 0 ? {} : { [ENVIRONMENT.orchestrators]: JSON.stringify(value) };

/** Allows a Lambda to read the secrets with which it proves who it is. */
export function allowOrchestrators(lambda: Lambda, { orchestrators }: Settings): void {
  for (const { secretArn } of orchestrators)
    if (secretArn !== undefined) lambda.allow(["secretsmanager:GetSecretValue"], secretArn);
}
