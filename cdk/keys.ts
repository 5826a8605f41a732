import { RemovalPolicy, Validations } from "aws-cdk-lib";
import { CfnRotationSchedule, type CfnSecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { keyOf } from "./kms.ts";
import type { Lambda } from "./lambda.ts";
import type { Settings } from "./settings.ts";

/** The secret with the keys that sign tickets and tokens. Without it, all earlier tickets and tokens are worthless. */
export class Keys extends Construct {
  readonly secret: Secret;
  /** Its ARN, read as the attribute Id: for Ref an emulator returns the name, where AWS returns the ARN. */
  readonly arn: string;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.secret = new Secret(this, "Secret", {
      description: "Lastbeat: the keys that sign tickets and tokens, current and previous",
      // 64 letters and digits are 381 bits. The first rotation turns them into {"keys": [...]}.
      generateSecretString: {
        secretStringTemplate: "{}",
        generateStringKey: "initial",
        passwordLength: 64,
        excludePunctuation: true,
      },
      removalPolicy:
        settings.removalPolicy === "retain" ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
      ...keyOf(this, settings),
    });
    this.arn = (this.secret.node.defaultChild as CfnSecret).attrId;
  }

  /**
   * `days`: time between two rotations; 0: no schedule. The library's construct would grant the Lambda more than it
   * needs.
   */
  rotateBy(rotate: Lambda, days: number): void {
    rotate.allow(
      ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
      this.arn,
    );
    const invoke = rotate.mayBeInvokedBy("secretsmanager.amazonaws.com", this.arn);
    if (days === 0) {
      Validations.of(this.secret).acknowledge({
        id: "AwsSolutions::AwsSolutions-SMG4",
        reason: "keyRotationDays is 0: the operator invokes the Lambda that rotates it.",
      });
      return;
    }
    const schedule = new CfnRotationSchedule(this, "Rotation", {
      secretId: this.arn,
      rotationLambdaArn: rotate.function.functionArn,
      rotationRules: { automaticallyAfterDays: days },
      // The new secret is good as it is. An immediate rotation would make the first deployment wait.
      rotateImmediatelyOnUpdate: false,
    });
    schedule.node.addDependency(invoke);
  }
}
