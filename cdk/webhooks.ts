import { RemovalPolicy, Validations } from "aws-cdk-lib";
import { type CfnSecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { ENVIRONMENT } from "../lib/names.ts";
import { keyOf } from "./kms.ts";
import type { Lambda } from "./lambda.ts";
import type { Settings } from "./settings.ts";

/** The webhooks of the settings, each with the ARN of the secret that signs its events. */
export class Webhooks extends Construct {
  /** By the names of the webhooks. */
  readonly secretArns: ReadonlyMap<string, string>;
  /** The environment variable that names the webhooks, for the Lambda that calls them. */
  readonly environment: Readonly<Record<string, string>>;
  /** The same for a Lambda that has to know only their names. Lambda takes 4 KB of variables. */
  readonly names: Readonly<Record<string, string>>;
  private readonly key: ReturnType<typeof keyOf>;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    const { webhooks } = settings;
    this.key = keyOf(this, settings);
    this.secretArns = new Map(webhooks.map(({ name, secretArn }) => [name, secretArn ?? this.secret(name, settings)]));
    const known = webhooks.map(({ name, url, allowPrivate = false }) => ({
      name,
      url: new URL(url).href,
      secret: this.secretArns.get(name),
      ...(allowPrivate && { allowPrivate }),
    }));
    const variable = (value: readonly object[]): Readonly<Record<string, string>> =>
      value.length === 0 ? {} : { [ENVIRONMENT.webhooks]: JSON.stringify(value) };
    this.environment = variable(known);
    this.names = variable(known.map(({ name }) => ({ name })));
  }

  /** Allows a Lambda to read the secrets. */
  allow(lambda: Lambda): void {
    for (const arn of this.secretArns.values()) lambda.allow(["secretsmanager:GetSecretValue"], arn);
  }

  private secret(name: string, settings: Settings): string {
    const secret = new Secret(this, `Secret-${name}`, {
      description: `Lastbeat: signs the events for the webhook ${name}, as Standard Webhooks says`,
      // 64 letters and digits are 48 bytes in base64.
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy:
        settings.removalPolicy === "retain" ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
      ...this.key,
    });
    Validations.of(secret).acknowledge({
      id: "AwsSolutions::AwsSolutions-SMG4",
      reason: "Its receiver has to learn of a new secret: the operator writes both, then the new one alone.",
    });
    return (secret.node.defaultChild as CfnSecret).attrId; // for Ref an emulator returns the name
  }
}
