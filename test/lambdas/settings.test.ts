import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { seconds } from "../../lib/core/time.ts";

/** A Lambda reads its environment once, when it starts: each of these is one that starts anew. */
const NEEDED = {
  LASTBEAT_TABLE: "table",
  LASTBEAT_KEYS: `k1:${Buffer.alloc(32, 1).toString("base64url")}`,
  LASTBEAT_REQUEUE_QUEUE_URL: "http://127.0.0.1:1/requeue",
  LASTBEAT_NOTICE_QUEUE_URL: "http://127.0.0.1:1/notice",
  AWS_REGION: "us-east-1",
};

beforeEach(() => vi.resetModules());
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

async function started(environment: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries({ ...NEEDED, ...environment })) vi.stubEnv(name, value);
  return import("../../lambdas/connect.ts");
}

/** What that app prints of a decision, and of a verdict. */
function printedBy({ log }: { log: { write(line: object): void } }): readonly string[] {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  log.write({ decision: "registered", run: "etl" });
  log.write({ decision: "reaped", run: "etl", verdict: { cause: "lost" } });
  return printed;
}

describe("a setting of the deployment reaches its Lambdas:", () => {
  test("retention, which is 30 days else", async () => {
    expect((await started({ LASTBEAT_RETENTION_DAYS: "7" })).theApp().retention).toBe(seconds(7 * 86_400));
    vi.resetModules();
    vi.unstubAllEnvs();
    expect((await started({})).theApp().retention).toBe(seconds(30 * 86_400));
  });

  test("the default lease, which is the core's own else", async () => {
    expect((await started({ LASTBEAT_LEASE_SECONDS: "45" })).defaultLease()).toBe(seconds(45));
    vi.unstubAllEnvs();
    expect((await started({})).defaultLease()).toBeUndefined();
  });

  test("whether a runner's word counts for its whole host, which it does not else", async () => {
    const trusts = async (environment: Readonly<Record<string, string>>): Promise<unknown> => {
      vi.resetModules();
      vi.unstubAllEnvs();
      return (await started(environment)).theApp().trustRunners;
    };
    expect(await trusts({ LASTBEAT_TRUST_RUNNERS: "true" })).toBe(true);
    expect(await trusts({ LASTBEAT_TRUST_RUNNERS: "yes" })).toBe(false);
    expect(await trusts({})).toBe(false);
  });

  test("the level of the log, and the name in the metrics", async () => {
    const all = printedBy((await started({ LASTBEAT_NAME: "prod" })).theApp());
    expect(all).toHaveLength(2);
    expect(all[1]).toContain('"Name":"prod"');
    vi.restoreAllMocks();
    vi.resetModules();
    const quiet = printedBy((await started({ LASTBEAT_NAME: "prod", LASTBEAT_LOG_LEVEL: "WARN" })).theApp());
    expect(quiet).toHaveLength(1);
    expect(quiet[0]).toContain('"decision":"reaped"');
  });

  test("a setting that is missing is named by the first request", async () => {
    await expect(started({ LASTBEAT_TABLE: "" }).then(({ theApp }) => theApp())).rejects.toThrow(
      "the environment variable LASTBEAT_TABLE is not set",
    );
  });
});
