import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { elapsed } from "../../lib/agent/clock.ts";
import { type Announcement, instanceId, isOnEc2, pollMetadata } from "../../lib/agent/instance-metadata.ts";
import { milliseconds } from "../../lib/core/time.ts";

const folder = mkdtempSync(join(tmpdir(), "lastbeat-machine-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the firmware", () => {
  const dmi = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return folder;
  };

  test("says whether this is EC2", () => {
    expect(isOnEc2(dmi("sys_vendor", "Amazon EC2\n"))).toBe(true);
    expect(isOnEc2(dmi("sys_vendor", "QEMU\n"))).toBe(false);
    expect(isOnEc2(join(folder, "nowhere"))).toBe(false);
  });

  test("names the instance where its asset tag looks like one", () => {
    expect(instanceId(dmi("board_asset_tag", "i-0abc123def4567890\n"))).toBe("i-0abc123def4567890");
    expect(instanceId(dmi("board_asset_tag", "Not Specified\n"))).toBeUndefined();
    expect(instanceId(join(folder, "nowhere"))).toBeUndefined();
  });
});

describe("the agent's clock", () => {
  const clocks = { now: 0, up: 0 };
  const started = () => {
    clocks.now = 5000;
    clocks.up = 900_000;
    return elapsed({ monotonic: () => clocks.now, uptime: () => clocks.up });
  };
  const pass = (monotonic: number, uptime: number): void => {
    clocks.now += monotonic;
    clocks.up += uptime;
  };

  test("runs with the monotonic one", () => {
    const clock = started();
    pass(1500, 1000);
    expect(clock()).toBe(1500);
  });

  test("runs on through a suspend, with the uptime, and goes on from there", () => {
    const clock = started();
    pass(1000, 1000);
    pass(10, 600_000);
    expect(clock()).toBe(601_000);
    pass(500, 500);
    expect(clock()).toBe(601_500);
  });

  test("does not take the rounding of an uptime in whole seconds for a suspend", () => {
    const clock = started();
    pass(50, 1000);
    expect(clock()).toBe(50);
  });

  test("never goes back, whatever the uptime does", () => {
    const clock = started();
    pass(0, 9000);
    expect(clock()).toBe(9000);
    pass(100, -8000);
    expect(clock()).toBe(9100);
  });

  test("is made of the machine's own clocks", () => {
    const clock = elapsed();
    expect(clock()).toBeLessThan(1000);
  });
});

type Fake = { readonly url: string; readonly asked: string[]; seen(path: string, times: number): Promise<void> };

/** Instance metadata on this machine. `answer` gives a status and a body for a path. */
async function metadata(
  answer: (path: string, token: string, before: number) => readonly [number, string?],
  use: (fake: Fake) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const path = `${request.method} ${request.url}`;
    const before = asked.filter((each) => each === path).length;
    asked.push(path);
    const [status, body] = answer(path, String(request.headers["x-aws-ec2-metadata-token"] ?? ""), before);
    response.writeHead(status).end(body);
    for (const look of waiting) look();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      asked,
      seen: (path, times) =>
        new Promise((resolve) => {
          const look = (): void => {
            if (asked.filter((each) => each === path).length >= times) resolve();
          };
          waiting.add(look);
          look();
        }),
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const TOKEN = "PUT /latest/api/token";
const SPOT = "GET /latest/meta-data/spot/instance-action";
const REBALANCE = "GET /latest/meta-data/events/recommendations/rebalance";
const OFTEN = milliseconds(10);

describe("the instance metadata", () => {
  test("is asked with a token, and announces a spot notice and a recommendation once each", async () => {
    await metadata(
      (path, token, before) => {
        if (path === TOKEN) return [200, "secret"];
        if (token !== "secret") return [401];
        if (before < 2) return [404];
        if (path === SPOT) return [200, '{"action":"terminate","time":"2026-11-22T12:02:00Z"}'];
        return [200, '{"noticeTime":"2026-11-22T11:50:00Z"}'];
      },
      async ({ url, seen, asked }) => {
        const heard: Announcement[] = [];
        const poll = pollMetadata(
          url,
          (what) => heard.push(what),
          () => {},
          { every: OFTEN },
        );
        await seen(REBALANCE, 6);
        poll.stop();
        expect(heard).toEqual([
          { notice: "spot", deadline: "2026-11-22T12:02:00.000Z" },
          { notice: "rebalance", at: "2026-11-22T11:50:00.000Z" },
        ]);
        expect(asked.filter((path) => path === TOKEN).length).toBe(1);
      },
    );
  });

  test("is given a new token when the old one is over", async () => {
    await metadata(
      (path, token, before) => {
        if (path === TOKEN) return [200, `token-${before}`];
        return token === "token-1" ? [404] : [401];
      },
      async ({ url, seen, asked }) => {
        const poll = pollMetadata(
          url,
          () => {},
          () => {},
          { every: OFTEN },
        );
        await seen(REBALANCE, 2);
        poll.stop();
        expect(asked.slice(0, 5)).toEqual([TOKEN, SPOT, TOKEN, SPOT, REBALANCE]);
        expect(asked.filter((path) => path === TOKEN).length).toBe(2);
      },
    );
  });

  test("that gives out no token at first is asked again: the network of a pod may not be up yet", async () => {
    await metadata(
      (path, _, before) => (path === TOKEN ? (before < 3 ? [503] : [200, "secret"]) : [404]),
      async ({ url, seen }) => {
        const poll = pollMetadata(
          url,
          () => {},
          () => {},
          { every: OFTEN },
        );
        await seen(REBALANCE, 1);
        poll.stop();
      },
    );
  });

  test("that never gives out a token is given up, and that is said", async () => {
    await metadata(
      () => [403, "no"],
      async ({ url, asked }) => {
        const said = Promise.withResolvers<string>();
        pollMetadata(url, () => {}, said.resolve, { every: OFTEN, patience: milliseconds(0) });
        expect(await said.promise).toBe(
          `the instance metadata at ${url} do not answer: a spot notice comes with the beats alone`,
        );
        expect(asked).toEqual([TOKEN]);
      },
    );
  });

  test("that answers nonsense is asked again", async () => {
    await metadata(
      (path, _, before) => {
        if (path === TOKEN) return [200, "secret"];
        if (path === SPOT && before < 2) return [200, before === 0 ? "<html>" : '{"time":"never"}'];
        return [404];
      },
      async ({ url, seen }) => {
        const heard: Announcement[] = [];
        const poll = pollMetadata(
          url,
          (what) => heard.push(what),
          () => {},
          { every: OFTEN },
        );
        await seen(SPOT, 4);
        poll.stop();
        expect(heard).toEqual([]);
      },
    );
  });
});
