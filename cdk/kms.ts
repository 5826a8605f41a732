import { type IKey, Key } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import type { Settings } from "./settings.ts";

/** The key of the settings, as a property for most resources; empty if AWS's own keys encrypt. */
export const keyOf = (scope: Construct, { kmsKeyArn }: Settings): { readonly encryptionKey?: IKey } =>
  kmsKeyArn === undefined ? {} : { encryptionKey: Key.fromKeyArn(scope, "Key", kmsKeyArn) };
