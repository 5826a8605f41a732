import { expect, test } from "vitest";
import { eksToken } from "../../../lib/adapters/kubernetes/eks.ts";

const credentials = async () => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "session" });

test("a token of EKS is the address of a signed request to the STS of the region, and signs two headers alone", async () => {
  const token = await eksToken({ name: "prod-1", region: "eu-west-1" }, credentials, new Date("2026-11-28T12:00:00Z"));
  expect(token).toMatch(/^k8s-aws-v1\.[A-Za-z0-9_-]+$/);
  const url = new URL(Buffer.from(token.slice("k8s-aws-v1.".length), "base64url").toString());
  expect(url.origin).toBe("https://sts.eu-west-1.amazonaws.com");
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    Action: "GetCallerIdentity",
    Version: "2011-06-15",
    "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
    "X-Amz-Expires": "60",
    "X-Amz-Date": "20261128T120000Z",
    "X-Amz-Security-Token": "session",
  });
  expect(url.searchParams.get("X-Amz-Signature")).toMatch(/^[0-9a-f]{64}$/);
  expect(url.href).not.toContain("prod-1"); // its name is in a header that EKS adds
});
