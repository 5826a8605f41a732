import { afterEach, describe, expect, test } from "vitest";
import { api } from "../../lib/cli/api.ts";
import { signer } from "../../lib/stack/sign.ts";
import { CREDENTIALS, isSigned, REGION, type Said, type StubDoor, stubAws, stubDoor } from "./aws.ts";

const SIGNING = { region: REGION, credentials: async () => CREDENTIALS };
const NOBODY = {
  region: REGION,
  credentials: () =>
    Promise.reject(
      Object.assign(new Error("Could not load credentials from any providers\nmore"), {
        name: "CredentialsProviderError",
      }),
    ),
};

let door: StubDoor;
afterEach(() => door.stop());

const doorThat = async (answer: Said | Parameters<typeof stubDoor>[0]): Promise<void> => {
  door = await stubDoor(typeof answer === "function" ? answer : () => answer);
};
/** As API Gateway does: who is not known by his signature gets 403. */
const verifying = async (request: Parameters<typeof isSigned>[0]): Promise<Said> =>
  (await isSigned(request)) ? { status: 200, body: {} } : { status: 403, body: { message: "Forbidden" } };

describe("a signed call", () => {
  test.each([
    ["GET", "", "/v1/runs?limit=1", undefined],
    ["GET", "", "/v1/runs?state=ended&since=2026-11-22T12%3A00%3A00.000Z&cursor=a%2Bb%2F%3D", undefined],
    ["GET", "", `/v1/runs?${new URLSearchParams({ cursor: "with a space + plus" })}`, undefined],
    ["PUT", "", "/v1/runs/etl-1", { labels: { title: "überall" } }],
    ["POST", "", "/v1/hosts/a%2Fb%3Ac/drain", {}],
    ["POST", "/prod", "/v1/runs/etl-1/cancel", { reason: "why" }],
    ["GET", "/_aws/execute-api/abc123", "/v1/runs/etl-1", undefined],
  ] as const)("%s %s%s is one that AWS would take", async (method, prefix, path, body) => {
    await doorThat(verifying);
    await expect(api(`${door.url}${prefix}`, { signer: signer(SIGNING) }).call(method, path, body)).resolves.toEqual(
      {},
    );
    const [came] = door.received;
    expect(came?.target.startsWith(`${prefix}/v1/`)).toBe(true);
    expect(came?.headers["x-amz-security-token"]).toBe(CREDENTIALS.sessionToken);
    expect(came?.headers.authorization).toContain(`/${REGION}/execute-api/aws4_request`);
  });

  test("is refused when its body was changed on the way", async () => {
    await doorThat((request) => verifying({ ...request, body: request.body.replace("why", "not") }));
    const call = api(door.url, { signer: signer(SIGNING) }).call("POST", "/v1/runs/etl-1/cancel", { reason: "why" });
    await expect(call).rejects.toThrow("403");
  });

  test.each([
    ["https://abc.execute-api.ap-south-1.amazonaws.com/v1/runs", "ap-south-1"],
    ["https://abc-vpce-0123.execute-api.us-west-2.amazonaws.com/prod/v1/runs", "us-west-2"],
    ["https://abc.execute-api.cn-north-1.amazonaws.com.cn/v1/runs", "cn-north-1"],
    ["https://lastbeat.example.com/v1/runs", REGION],
    ["https://abc.execute-api.us-west-2.amazonaws.com.example.com/v1/runs", REGION],
  ])("to %s is signed for %s", async (url, region) => {
    await doorThat({ status: 200, body: {} });
    const signed = await signer(SIGNING).sign({ method: "GET", url: new URL(url) });
    expect(signed).toMatchObject({
      kind: "signed",
      headers: { authorization: expect.stringContaining(`/${region}/execute-api/`) },
    });
  });
});

describe("the sentence about a refusal", () => {
  const whyOf = async (settings: Parameters<typeof signer>[0]): Promise<string> =>
    api(door.url, { signer: signer(settings) })
      .call("GET", "/v1/runs")
      .then(
        () => "no refusal",
        (error: unknown) => (error instanceof Error ? error.message : ""),
      );

  test.each([401, 403])("without credentials says so when the answer is %i", async (status) => {
    await doorThat({ status, body: { message: "Forbidden" } });
    expect(await whyOf(NOBODY)).toBe(
      `${door.url} answered ${status} (Forbidden): there were no AWS credentials to sign the call with (Could not load credentials from any providers); set AWS_PROFILE, or sign in`,
    );
    expect(door.received[0]?.headers.authorization).toBeUndefined();
  });

  test("with credentials says who is not allowed, as STS knows him", async () => {
    await doorThat({ status: 403, body: { message: "Forbidden" } });
    const arn = "arn:aws:sts::123456789012:assumed-role/dev/me";
    const aws = await stubAws({ GetCallerIdentity: { Arn: arn } });
    expect(await whyOf(aws.settings)).toBe(
      `${door.url} answered 403 (Forbidden): ${arn} is not allowed to call it: allow execute-api:Invoke`,
    );
    expect(aws.unsigned).toEqual([]);
    await aws.stop();
  });

  test("names the access key when STS says nothing", async () => {
    await doorThat({ status: 403, body: { Message: "User is not authorized to access this resource" } });
    const aws = await stubAws({});
    expect(await whyOf(aws.settings)).toContain("the owner of the access key AKIDEXAMPLE is not allowed");
    await aws.stop();
  });

  test("says that the signature is not taken, and not that a permission is missing", async () => {
    await doorThat({ status: 403, body: { message: "Signature expired: 20261122T120000Z is now earlier" } });
    const why = await whyOf(SIGNING);
    expect(why).toContain("Signature expired: 20261122T120000Z is now earlier): it does not accept the signature");
    expect(why).not.toContain("execute-api:Invoke");
  });

  test("is Lastbeat's own when Lastbeat refused", async () => {
    const body = {
      type: "urn:lastbeat:problem:foreign-origin",
      title: "The request comes from a foreign host",
      status: 403,
    };
    await doorThat({ status: 403, body });
    expect(await whyOf(NOBODY)).toBe("The request comes from a foreign host (docs/problems.md#foreign-origin)");
  });

  test("asks whether the URL is right when it is another status", async () => {
    await doorThat({ status: 404, body: { message: "Not Found" } });
    expect(await whyOf(SIGNING)).toBe(
      `${door.url} answered 404 (Not Found), which is not an answer of Lastbeat: check the URL`,
    );
  });

  test("is the provider's when it fails in another way than finding nothing", async () => {
    await doorThat({ status: 200, body: {} });
    const settings = { region: REGION, credentials: () => Promise.reject(new Error("the vault is sealed")) };
    expect(await whyOf(settings)).toBe("could not load AWS credentials: the vault is sealed");
  });
});

describe("credentials that cannot be had", () => {
  const expired = { region: REGION, credentials: () => Promise.reject(new Error("the SSO session has expired")) };

  test("are an error of their own, when there should be some", async () => {
    await doorThat({ status: 200, body: {} });
    const call = api(door.url, { signer: signer(expired) }).call("GET", "/v1/runs");
    await expect(call).rejects.toThrow("could not load AWS credentials: the SSO session has expired");
    expect(door.received).toEqual([]);
  });

  test("are nobody's", async () => {
    await doorThat({ status: 200, body: {} });
    expect(await signer(expired).caller()).toBeUndefined();
  });
});

test("who signs is unknown while STS cannot be asked", async () => {
  await doorThat({ status: 200, body: {} });
  const unreachable = { ...SIGNING, endpoint: "http://127.0.0.1:1" };
  expect(await signer(unreachable).caller()).toBeUndefined();
});
