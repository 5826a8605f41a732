import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { expect, test } from "vitest";
import { signed } from "../../../lib/adapters/aws/signature.ts";

const letters = fc.string({ unit: "binary-ascii", minLength: 1 });
/** What may stand in a header of ours. */
const word = fc.stringMatching(/^[A-Za-z0-9_.:/+=-]{1,40}$/);

test("a call is signed as AWS's own library signs it, whoever signs whatever, whenever", async () => {
  const request = fc.record({
    body: fc.string({ unit: "binary" }),
    headers: fc.record({ host: word, "content-type": word, "x-amz-target": word, "user-agent": word }),
    credentials: fc.record({
      accessKeyId: word,
      secretAccessKey: letters,
      sessionToken: fc.option(word, { nil: undefined }),
    }),
    scope: fc.record({ region: word, service: word }),
    now: fc.date({ min: new Date("2000-01-01"), max: new Date("2099-12-31"), noInvalidDate: true }),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ body, headers, credentials, scope, now }) => {
      const theirs = new SignatureV4({
        ...scope,
        credentials: {
          accessKeyId: credentials.accessKeyId,
          secretAccessKey: credentials.secretAccessKey,
          ...(credentials.sessionToken !== undefined && { sessionToken: credentials.sessionToken }),
        },
        sha256: Sha256,
        applyChecksum: false,
      });
      const expected = await theirs.sign(
        { method: "POST", protocol: "https:", hostname: headers.host, path: "/", headers: { ...headers }, body },
        { signingDate: now, signableHeaders: new Set(["user-agent"]) },
      );
      expect(signed(headers, body, credentials, scope, now)).toEqual(expected.headers);
    }),
  );
});

test("the key of yesterday, of another region or of other credentials signs nothing of today's", () => {
  const credentials = { accessKeyId: "AKID", secretAccessKey: "one" };
  const scope = { region: "us-east-1", service: "dynamodb" };
  const now = new Date("2026-11-23T12:00:00Z");
  const sign = (...of: Parameters<typeof signed> extends [unknown, unknown, ...infer R] ? R : never): unknown =>
    signed({ host: "h" }, "{}", ...of)["authorization"]?.split("Signature=")[1];
  const all = [
    sign(credentials, scope, now),
    sign({ ...credentials, secretAccessKey: "other" }, scope, now),
    sign(credentials, { ...scope, region: "eu-central-1" }, now),
    sign(credentials, { ...scope, service: "secretsmanager" }, now),
    sign(credentials, scope, new Date("2026-11-22T12:00:00Z")),
  ];
  expect(new Set(all).size).toBe(5);
  expect(sign(credentials, scope, now)).toBe(all[0]);
});
