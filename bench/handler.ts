import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer as createPlain, type RequestListener } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "../lambdas/variables.ts";
import { itemOf } from "../lib/adapters/aws/run-item.ts";
import { sign } from "../lib/app/credentials.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import { bundle, bundleLambdas } from "../scripts/bundle.ts";
import { running } from "../test/contract/samples.ts";
import { type Figure, quantile } from "./figure.ts";

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL("handler-child.mjs", import.meta.url));
const KEY = { id: "k1", secret: Buffer.alloc(32, 1) };
const BEATS = 5000;
const STARTS = 31;
const ROUNDS = 3;

/** DynamoDB's answer to each beat. */
const ANSWER = JSON.stringify({
  Attributes: Object.fromEntries(
    Object.entries(itemOf(running("train"))).map(([name, value]) => [
      name,
      value.B === undefined ? value : { B: Buffer.from(value.B).toString("base64") },
    ]),
  ),
});

const answering: RequestListener = (request, response) => {
  request.resume().once("end", () => {
    response.writeHead(200, { "content-type": "application/x-amz-json-1.0" });
    response.end(ANSWER);
  });
};

/** The least that a first call over TLS can take: what Node itself needs for it. */
const BARE_CALL =
  'require("node:https").request(process.env.AWS_ENDPOINT_URL_DYNAMODB,{method:"POST"},(r)=>r.resume().on("end",()=>process.exit(0))).end("{}")';

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

type Measured = { readonly cpuMs: number; readonly latencyMs: number; readonly slowMs: number; readonly mb: number };

/** The round with the least processor time. */
const bestOf = (rounds: readonly Measured[]): Measured =>
  rounds.reduce((best, round) => (round.cpuMs < best.cpuMs ? round : best));

/**
 * The Lambda of beats, signed by hand and with the SDK, in processes of their own, beside a table that answers at once.
 * It measures how much processor time a warm beat takes, and how long a first one takes, over TLS, beyond the start of
 * a bare Node.
 */
export async function handlers(): Promise<{ readonly figures: readonly Figure[]; readonly requestBytes: number }> {
  const folder = mkdtempSync(join(tmpdir(), "lastbeat-bench-"));
  const plain = createPlain(answering);
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  execFileSync("openssl", [...made, ...subject, "-keyout", key, "-out", certificate], { stdio: "ignore" });
  const secure = createSecure({ key: readFileSync(key), cert: readFileSync(certificate) }, answering);
  try {
    const { outputs } = await bundleLambdas(join(folder, "lambdas"));
    const beats = Object.entries(outputs).find(([file]) => file.endsWith("beat/index.mjs"))?.[1].inputs ?? {};
    /** How many kB of the bundle of beats come from a folder. */
    const of = (place: string): string => {
      const from = Object.entries(beats).filter(([file]) => file.startsWith(place));
      return (from.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0) / 1000).toFixed(0);
    };
    const byHand = join(folder, "lambdas/beat/index.mjs");
    const bySdk = join(folder, "sdk/beat.mjs");
    await bundle({ beat: fileURLToPath(new URL("sdk-beat.ts", import.meta.url)) }, join(folder, "sdk"));
    const [plainPort, securePort] = [await listening(plain), await listening(secure)];
    const { shard, attempt, fence, lease, run: id } = running("train");
    const token = await sign({ keys: { all: async () => [KEY] }, clock: systemClock }, "token", {
      run: id,
      shard,
      attempt,
      fence,
      lease,
    });
    const body = JSON.stringify({ progress: { value: 3, of: 7 } });
    const event = JSON.stringify({
      version: "2.0",
      rawPath: `/v1/runs/${id}/beat`,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      requestContext: { http: { method: "POST" }, stage: "$default" },
      body,
      isBase64Encoded: false,
    });
    const environment = (endpoint: string): NodeJS.ProcessEnv => ({
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "bench",
      AWS_SECRET_ACCESS_KEY: "bench",
      AWS_ENDPOINT_URL_DYNAMODB: endpoint,
      NODE_EXTRA_CA_CERTS: certificate,
      [ENVIRONMENT.table]: "bench",
      [ENVIRONMENT.keys]: `${KEY.id}:${KEY.secret.toString("base64url")}`,
    });
    const warm = async (handler: string, ...canned: readonly string[]): Promise<Measured> => {
      const options = { env: environment(`http://127.0.0.1:${plainPort}`) };
      const { stdout } = await run(process.execPath, [CHILD, handler, event, String(BEATS), ...canned], options);
      return JSON.parse(stdout) as Measured;
    };
    const cold = async (...args: readonly string[]): Promise<number> => {
      const started = performance.now();
      await run(process.execPath, [...args], { env: environment(`https://localhost:${securePort}`) });
      return performance.now() - started;
    };
    // In turns, and the best of each: a disturbance of the machine meets one round, and not the same round of both.
    const rounds = { hand: [] as Measured[], sdk: [] as Measured[] };
    for (let n = 0; n < ROUNDS; n += 1) {
      rounds.hand.push(await warm(byHand));
      rounds.sdk.push(await warm(bySdk));
    }
    const [hand, sdk, alone] = [bestOf(rounds.hand), bestOf(rounds.sdk), await warm(byHand, ANSWER)];
    const starts = { bare: [] as number[], call: [] as number[], hand: [] as number[], sdk: [] as number[] };
    for (let n = 0; n < STARTS; n += 1) {
      starts.bare.push(await cold("-e", ""));
      starts.call.push(await cold("-e", BARE_CALL));
      starts.hand.push(await cold(CHILD, byHand, event, "0"));
      starts.sdk.push(await cold(CHILD, bySdk, event, "0"));
    }
    // The quarter of the starts that the machine disturbed least. The median moves by a third from one minute to the
    // next.
    const beyond = (all: readonly number[], share = 0.25): number =>
      quantile(all, share) - quantile(starts.bare, share);
    const kb = (handler: string): number => statSync(handler).size / 1000;
    const bySdkIs = (what: string): string => `with the SDK ${what}`;
    const figures: readonly Figure[] = [
      { name: "warm beat, processor, without the network, p50", value: alone.cpuMs, unit: "ms", atMost: 0.2 },
      {
        name: "warm beat, processor, p50",
        value: hand.cpuMs,
        unit: "ms",
        beside: bySdkIs(`${sdk.cpuMs.toFixed(2)} ms`),
      },
      {
        name: "warm beat, processor, the SDK's divided by ours",
        value: sdk.cpuMs / hand.cpuMs,
        unit: "times",
        atLeast: 2,
        beside: "why it is signed by hand",
      },
      {
        name: "warm beat, latency, p50",
        value: hand.latencyMs,
        unit: "ms",
        beside: bySdkIs(`${sdk.latencyMs.toFixed(2)} ms`),
      },
      {
        name: "warm beat, latency, p99",
        value: hand.slowMs,
        unit: "ms",
        beside: bySdkIs(`${sdk.slowMs.toFixed(2)} ms`),
      },
      { name: "warm beat, resident memory", value: hand.mb, unit: "MB", beside: bySdkIs(`${sdk.mb.toFixed(0)} MB`) },
      {
        name: "first beat over TLS, beyond the start of a bare Node, p25",
        value: beyond(starts.hand),
        unit: "ms",
        beside: `floor ${beyond(starts.call).toFixed(0)} ms: one call by Node's own https; ${bySdkIs(`${beyond(starts.sdk).toFixed(0)} ms`)}`,
      },
      {
        name: "first beat over TLS, divided by that floor",
        value: beyond(starts.hand) / beyond(starts.call),
        unit: "times",
        atMost: 2,
        beside: "both are from one run: in milliseconds it was 40, 44 and 70 on three days",
      },
      {
        name: "first beat over TLS, beyond the start of a bare Node, p50",
        value: beyond(starts.hand, 0.5),
        unit: "ms",
      },
      {
        name: "bundle of beats",
        value: kb(byHand),
        unit: "kB",
        atMost: 60,
        beside: `${bySdkIs(`${kb(bySdk).toFixed(0)} kB`)}; the aim was 12; zod, which reads every body, has ${of("node_modules/zod")}, and lib/core, with the table of decisions, ${of("lib/core")}`,
      },
    ];
    return { figures, requestBytes: `POST /v1/runs/${id}/beat`.length + token.length + body.length };
  } finally {
    plain.close();
    secure.close();
    rmSync(folder, { recursive: true });
  }
}
