import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  type Stack,
} from "@aws-sdk/client-cloudformation";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { OUTPUTS } from "../../../lib/names.ts";
import { eventually } from "../eventually.ts";
import { run } from "../program.ts";
import type { Stage } from "./stage.ts";

/** The name of its stack, which is in the names of all that it makes. */
export const PLAIN = "LastbeatPlain";
const TEMPLATE = "lastbeat.template.json";

/** What a release has for those who deploy without the CDK: a template and eight zips, and a bucket of theirs. */
export function describePlainTemplate({ here, folder }: Stage): void {
  describe("the plain template", () => {
    test("deploys beside the other stack, from a bucket with the zips of the release", async () => {
      const out = join(folder, "template");
      const { KeyMetadata } = await new KMSClient(here.sdk).send(new CreateKeyCommand({}));
      const asked = { removalPolicy: "destroy", kmsKeyArn: String(KeyMetadata?.Arn) };
      const context = Object.entries({ ...here.emulator.settings, ...asked }).flatMap(([key, value]) => [
        "-c",
        `lastbeat:${key}=${value}`,
      ]);
      await run(process.execPath, ["scripts/template.ts", "--out", out, ...context]);
      const s3 = new S3Client({ ...here.sdk, forcePathStyle: true });
      await s3.send(new CreateBucketCommand({ Bucket: "releases" }));
      const zips = readdirSync(out).filter((file) => file.endsWith(".zip"));
      expect(zips).toHaveLength(8);
      for (const file of [...zips, TEMPLATE])
        await s3.send(
          new PutObjectCommand({ Bucket: "releases", Key: `lastbeat/${file}`, Body: readFileSync(join(out, file)) }),
        );
      const cloudformation = new CloudFormationClient(here.sdk);
      await cloudformation.send(
        new CreateStackCommand({
          StackName: PLAIN,
          TemplateURL: `${here.sdk.endpoint}/releases/lastbeat/${TEMPLATE}`, // in a request it would be too long
          Capabilities: ["CAPABILITY_IAM"],
          Parameters: [
            { ParameterKey: "AssetsBucket", ParameterValue: "releases" },
            { ParameterKey: "AssetsPrefix", ParameterValue: "lastbeat/" },
          ],
        }),
      );
      const {
        StackStatus,
        StackStatusReason,
        Outputs = [],
      } = await eventually(
        async () => (await cloudformation.send(new DescribeStacksCommand({ StackName: PLAIN }))).Stacks?.[0] as Stack,
        (stack) => !String(stack.StackStatus).endsWith("_IN_PROGRESS"),
      );
      expect([StackStatus, StackStatusReason]).toEqual(["CREATE_COMPLETE", StackStatusReason]);
      const output = (name: keyof typeof OUTPUTS): string =>
        String(Outputs.find(({ OutputKey }) => OutputKey === OUTPUTS[name])?.OutputValue);
      expect(output("rulePrefix")).toBe(`${PLAIN}-notice-`);
      const { frontDoor } = here.emulator;
      const stage = frontDoor === "restApi" ? "/prod" : "";
      const url = `${here.wiretap.url}/_aws/execute-api/${output(frontDoor)}${stage}`;
      const registered = here.ask("register", "by-the-template", "--ticket", "--url", url);
      expect(await registered.left, registered.errors.join("\n")).toBe(0);
      const agent = here.agentAt(url, String(registered.lines.at(-1)), "a-host", "true");
      expect(await agent.left, agent.errors.join("\n")).toBe(0);
      const shown = here.ask("show", "by-the-template", "--json", "--url", url);
      await shown.left;
      expect(JSON.parse(shown.lines.join("\n"))).toMatchObject({ state: "ended", outcome: "succeeded" });
      await cloudformation.send(new DeleteStackCommand({ StackName: PLAIN }));
    });
  });
}
