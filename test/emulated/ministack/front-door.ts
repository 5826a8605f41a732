import { AttachRolePolicyCommand, CreatePolicyCommand, CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { describe, expect, test } from "vitest";
import { ACCOUNT, REGION } from "../emulator.ts";
import type { Stage } from "../stories/stage.ts";

export function describeFrontDoor({ here }: Stage): void {
  describe("the front door", () => {
    test("answers everybody who asks whether it is there", async () => {
      for (const url of [here.url("httpApi"), here.url("restApi")])
        expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true });
    });

    test.each(["httpApi", "restApi"] as const)("refuses an owner's call without a signature: %s", async (kind) => {
      expect((await fetch(`${here.url(kind)}/v1/runs`)).status).toBe(403);
    });

    // The emulator lets any bearer pass an HTTP API's IAM authorizer; a REST API's it enforces.
    test("refuses a signature that is none, and somebody who may not; and takes one who may", async () => {
      const url = `${here.url("restApi")}/v1/runs`;
      expect((await fetch(url, { headers: { authorization: "Bearer x" } })).status).toBe(403);
      const iam = new IAMClient(here.sdk);
      const trust = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
      };
      const as = async (name: string): Promise<Record<string, string>> => {
        const { Credentials } = await new STSClient(here.sdk).send(
          new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${ACCOUNT}:role/${name}`, RoleSessionName: "e2e" }),
        );
        return {
          AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? "",
          AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? "",
          AWS_SESSION_TOKEN: Credentials?.SessionToken ?? "",
        };
      };
      for (const RoleName of ["nobody", "data-engineer"])
        await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) }));
      const { Policy } = await iam.send(
        new CreatePolicyCommand({
          PolicyName: "owner-calls",
          PolicyDocument: JSON.stringify({
            Version: "2012-10-17",
            Statement: [
              {
                Effect: "Allow",
                Action: "execute-api:Invoke",
                Resource: `arn:aws:execute-api:${REGION}:${ACCOUNT}:${here.output("restApi")}/prod/GET/v1/runs`,
              },
            ],
          }),
        }),
      );
      await iam.send(new AttachRolePolicyCommand({ RoleName: "data-engineer", PolicyArn: Policy?.Arn }));
      const runs = async (name: string) => {
        const program = here.askAs(await as(name), "runs", "--url", here.url("restApi"));
        return { code: await program.left, said: program.errors.join() };
      };
      expect(await runs("nobody")).toMatchObject({ code: 1, said: expect.stringContaining("execute-api:Invoke") });
      expect(await runs("data-engineer")).toMatchObject({ code: 0 });
    });

    test("lets a runner in, and the Lambda looks at the credential", async () => {
      const call = (credential: string) =>
        fetch(`${here.url()}/v1/runs/etl/beat`, {
          method: "POST",
          body: "{}",
          headers: { authorization: `Bearer ${credential}` },
        });
      const reply = await call("etl.1.1.0.5000.initial.nonsense");
      expect(reply.status).toBe(401);
      expect(await reply.json()).toMatchObject({ type: "urn:lastbeat:problem:unauthorized" });
    });
  });
}
