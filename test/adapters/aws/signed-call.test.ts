import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import {
  DYNAMODB,
  endpointOf,
  Refused,
  SECRETS_MANAGER,
  type SignedCall,
  signedCall,
} from "../../../lib/adapters/aws/signed-call.ts";

type Asked = { readonly headers: IncomingHttpHeaders; readonly body: unknown };

let server: Server;
afterEach(() => new Promise((resolve) => server?.close(resolve).closeAllConnections()));

/** What the service answers to each request in turn; the last one to all that follow. `silence`: no answer at all. */
type Said = { readonly status: number; readonly body: unknown } | "silence" | "hang up";

async function serviceThat(...says: readonly Said[]): Promise<{ readonly asked: Asked[]; readonly endpoint: string }> {
  const asked: Asked[] = [];
  const listener: RequestListener = async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    asked.push({ headers: request.headers, body: JSON.parse(text) });
    const said = says[Math.min(asked.length, says.length) - 1];
    if (said === "silence" || said === undefined) return;
    if (said === "hang up") return void request.socket.destroy();
    response.writeHead(said.status).end(typeof said.body === "string" ? said.body : JSON.stringify(said.body));
  };
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { asked, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const ENVIRONMENT = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "secret" };

const callTo = (endpoint: string, timeoutMs = 20_000, more: Readonly<Record<string, string>> = {}): SignedCall =>
  signedCall(DYNAMODB, { ...ENVIRONMENT, AWS_ENDPOINT_URL: endpoint, ...more }, { attempts: 2, timeoutMs });

const OK = { status: 200, body: { Item: { p: { S: "L#0" } } } } as const;
const refusal = (kind: string, status = 400, more: object = {}): Said => ({
  status,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${kind}`, message: "no", ...more },
});

describe("a signed call", () => {
  test("asks with what its environment holds, and brings what the service answers", async () => {
    const { asked, endpoint } = await serviceThat(OK);
    const call = callTo(endpoint, 20_000, { AWS_SESSION_TOKEN: "session", AWS_SDK_UA_APP_ID: "lastbeat-beat" });
    expect(await call("GetItem", { TableName: "t" })).toEqual(OK.body);
    expect(asked).toEqual([{ headers: expect.anything(), body: { TableName: "t" } }]);
    expect(asked[0]?.headers).toMatchObject({
      "x-amz-target": "DynamoDB_20120810.GetItem",
      "content-type": "application/x-amz-json-1.0",
      "user-agent": "lastbeat app/lastbeat-beat",
      "x-amz-security-token": "session",
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/dynamodb\/aws4_request, SignedHeaders=content-type;host;/,
      ),
    });
  });

  test("keeps its connection for the next one", async () => {
    const { endpoint } = await serviceThat(OK);
    let connections = 0;
    server.on("connection", () => {
      connections += 1;
    });
    const call = callTo(endpoint);
    for (let n = 0; n < 5; n += 1) await call("GetItem", {});
    expect(connections).toBe(1);
  });

  test("asks the service's own endpoint rather than the one of all services", async () => {
    const { asked, endpoint } = await serviceThat(OK);
    const call = callTo("http://127.0.0.1:9", 20_000, { AWS_ENDPOINT_URL_DYNAMODB: endpoint });
    expect(await call("GetItem", {})).toEqual(OK.body);
    expect(asked).toHaveLength(1);
  });

  test.each([
    ["a throttle", refusal("ProvisionedThroughputExceededException")],
    ["another throttle", refusal("ThrottlingException")],
    ["an error of the service", refusal("InternalServerError", 500)],
    ["an answer of a proxy in between", { status: 502, body: "<html>" } as const],
    ["an answer that was cut off", { status: 200, body: '{"Item"' } as const],
    ["a connection that is closed", "hang up" as const],
  ])("is tried again after %s", async (_, said) => {
    const { asked, endpoint } = await serviceThat(said, OK);
    expect(await callTo(endpoint)("UpdateItem", { a: 1 })).toEqual(OK.body);
    expect(asked.map(({ body }) => body)).toEqual([{ a: 1 }, { a: 1 }]);
  });

  test("is tried again when no answer comes, and fails when none comes then", async () => {
    const { asked, endpoint } = await serviceThat("silence");
    await expect(callTo(endpoint, 50)("UpdateItem", {})).rejects.toThrow(/timeout|aborted/i);
    expect(asked).toHaveLength(2);
  });

  test.each<readonly [string, Said]>([
    ["a page of a proxy", { status: 403, body: "<html>" }],
    ["a refusal without a name", { status: 400, body: {} }],
  ])("is not tried again after %s", async (_, said) => {
    const { asked, endpoint } = await serviceThat(said, OK);
    await expect(callTo(endpoint)("UpdateItem", {})).rejects.toThrow(/AWS answered 40/);
    expect(asked).toHaveLength(1);
  });

  test("takes no list for an answer", async () => {
    const { endpoint } = await serviceThat({ status: 200, body: [] });
    await expect(callTo(endpoint)("GetItem", {})).rejects.toThrow("AWS answered 200");
  });

  test.each([
    ["com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "ResourceNotFoundException"],
    ["ResourceNotFoundException:http://internal.amazon.com/coral/", "ResourceNotFoundException"],
    ["Refusal2", "Refusal2"],
  ])("knows a refusal by its name: %s", async (__type, kind) => {
    const { endpoint } = await serviceThat({ status: 400, body: { __type } });
    await expect(callTo(endpoint)("GetItem", {})).rejects.toMatchObject({ kind });
  });

  test.each([
    [{ AWS_REGION: "eu-central-1" }, "dynamodb.eu-central-1.amazonaws.com"],
    [{ AWS_REGION: "cn-north-1" }, "dynamodb.cn-north-1.amazonaws.com.cn"],
    [{ AWS_REGION: "eusc-de-east-1" }, "dynamodb.eusc-de-east-1.amazonaws.eu"],
  ])("goes to the endpoint of its region: %j", (more, host) => {
    expect(endpointOf(DYNAMODB, more.AWS_REGION, {}).host).toBe(host);
  });

  test("says that it heeds no FIPS endpoint, where one is asked for", () => {
    const environment = { ...ENVIRONMENT, AWS_USE_FIPS_ENDPOINT: "true" };
    expect(() => signedCall(DYNAMODB, environment, { attempts: 1, timeoutMs: 1 })).toThrow("AWS_USE_FIPS_ENDPOINT");
  });

  test.each([refusal("ProvisionedThroughputExceededException"), refusal("InternalServerError", 500)])(
    "fails with what came last when nothing else came: %j",
    async (said) => {
      const { asked, endpoint } = await serviceThat(said);
      await expect(callTo(endpoint)("UpdateItem", {})).rejects.toThrow(/ProvisionedThroughput|AWS answered 500/);
      expect(asked).toHaveLength(2);
    },
  );

  test("is not tried again when it is refused, and says why", async () => {
    const item = { p: { S: "L#0" } };
    const { asked, endpoint } = await serviceThat(refusal("ConditionalCheckFailedException", 400, { Item: item }));
    const error = await callTo(endpoint)("UpdateItem", {}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ kind: "ConditionalCheckFailedException", body: { Item: item } });
    expect(asked).toHaveLength(1);
  });

  test.each(["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])("says when %s is not set", async (name) => {
    const { endpoint } = await serviceThat(OK);
    const { [name]: _, ...rest } = { ...ENVIRONMENT, AWS_ENDPOINT_URL: endpoint } as Record<string, string>;
    const ask = async (): Promise<unknown> =>
      signedCall(DYNAMODB, rest, { attempts: 1, timeoutMs: 1000 })("GetItem", {});
    await expect(ask()).rejects.toThrow(name);
  });

  test("reads secrets in their own protocol", async () => {
    const { asked, endpoint } = await serviceThat({ status: 200, body: { SecretString: "s" } });
    const environment = { ...ENVIRONMENT, AWS_ENDPOINT_URL: endpoint };
    const call = signedCall(SECRETS_MANAGER, environment, { attempts: 1, timeoutMs: 20_000 });
    expect(await call("GetSecretValue", { SecretId: "id" })).toEqual({ SecretString: "s" });
    expect(asked[0]?.headers).toMatchObject({
      "x-amz-target": "secretsmanager.GetSecretValue",
      "content-type": "application/x-amz-json-1.1",
    });
  });
});
