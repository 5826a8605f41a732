import { RemovalPolicy, Validations } from "aws-cdk-lib";
import { CfnRotationSchedule, type CfnSecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { keyOf } from "./kms.ts";
import type { Lambda } from "./lambda.ts";
import type { Settings } from "./settings.ts";

/** The secret with the keys that sign tickets and tokens. What is lost with it: every credential that was handed out. */
export class Keys extends Construct {
  readonly secret: Secret;
  /** Its ARN, asked for as such: an emulator gives the name where AWS gives the ARN as well. */
  readonly arn: string;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.secret = new Secret(this, "Secret", {
      description: "Lastbeat: the keys that sign tickets and tokens, current and previous",
      // 64 letters and digits: 381 bits. The first rotation makes {"keys": [...]} of it.
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

  /** `days`: time between two rotations; 0 for no schedule. The construct of the library would grant the Lambda more than it calls. */
  rotateBy(rotate: Lambda, days: number): void {
    rotate.allow(
      ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
      this.arn,
    );
    const invoke = rotate.mayBeInvokedBy("secretsmanager.amazonaws.com", this.arn);
    if (days === 0) {
      Validations.of(this.secret).acknowledge({
        id: "AwsSolutions::AwsSolutions-SMG4",
        reason: "keyRotationDays is 0: somebody else calls the Lambda that rotates it.",
      });
      return;
    }
    const schedule = new CfnRotationSchedule(this, "Rotation", {
      secretId: this.arn,
      rotationLambdaArn: rotate.function.functionArn,
      rotationRules: { automaticallyAfterDays: days },
      // The secret is good as it was made; a rotation at once would make the first deployment wait for one.
      rotateImmediatelyOnUpdate: false,
    });
    schedule.node.addDependency(invoke);
  }
}
