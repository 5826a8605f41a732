import { ec2Machines } from "../lib/adapters/aws/machines.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Machines } from "../lib/ports/machines.ts";
import { once } from "./variables.ts";

/** EC2, if the Lambda may ask it. The embedded server has no account. */
export const theMachines: () => Machines | undefined = once((environment) =>
  environment[ENVIRONMENT.machines] === "ec2" ? ec2Machines() : undefined,
);
