import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { ec2Machines } from "../../../lib/adapters/aws/machines.ts";
import { instant } from "../../../lib/core/time.ts";

const NOW = instant(Date.parse("2026-11-22T12:00:00.000Z"));

const instance = (id: string, state: string, reason: string): string => `<item><instancesSet><item>
  <instanceId>${id}</instanceId><instanceState><code>48</code><name>${state}</name></instanceState>
  <stateReason><code>${reason}</code><message>${reason}: as EC2 words it</message></stateReason>
</item></instancesSet></item>`;

const answer = (...instances: readonly string[]): string =>
  `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
  <reservationSet>${instances.join("")}</reservationSet></DescribeInstancesResponse>`;

/** EC2, which answers that, and keeps what it was asked. */
async function ec2(body: string): Promise<{ asked: URLSearchParams[] }> {
  const asked: URLSearchParams[] = [];
  const server = createServer(async (incoming, response) => {
    let text = "";
    for await (const chunk of incoming) text += String(chunk);
    asked.push(new URLSearchParams(text));
    response.writeHead(200, { "content-type": "text/xml" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("AWS_REGION", "eu-central-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  return { asked };
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  vi.unstubAllEnvs();
});

test("instances that have ended, or are about to, are told as events about them would be", async () => {
  await ec2(
    answer(
      instance("i-0123456789abcdef0", "terminated", "Server.SpotInstanceTermination"),
      instance("i-0123456789abcdef1", "terminated", "Client.UserInitiatedShutdown"),
      instance("i-0123456789abcdef2", "shutting-down", "Client.UserInitiatedShutdown"),
      instance("i-0123456789abcdef3", "stopped", "Server.SpotInstanceShutdown"),
    ),
  );
  const asked = ["0", "1", "2", "3"].map((digit) => `i-0123456789abcdef${digit}`);
  const told = await ec2Machines().ending(asked, NOW);
  expect(told.map(({ host, evidence: { kind, goneAt } }) => [host.at(-1), kind, goneAt])).toEqual([
    ["0", "spot-interruption", NOW],
    ["1", "terminated", NOW],
    ["2", "stopping", undefined],
    ["3", "spot-interruption", undefined],
  ]);
  expect(told[0]?.evidence).toMatchObject({ source: "aws.ec2", at: NOW });
  expect(told[0]?.evidence.note).toMatch(/^terminated: Server.SpotInstanceTermination: .{1,80}$/);
});

test("EC2 is asked by filters: an id that it does not know is no error, and hosts that are no instances are not named", async () => {
  const { asked } = await ec2(answer());
  expect(await ec2Machines().ending(["i-0123456789abcdef0", "runner.example", "i-short"], NOW)).toEqual([]);
  expect(asked).toHaveLength(1);
  expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({
    Action: "DescribeInstances",
    "Filter.1.Name": "instance-id",
    "Filter.1.Value.1": "i-0123456789abcdef0",
    "Filter.2.Name": "instance-state-name",
  });
  expect(asked[0]?.has("Filter.1.Value.2")).toBe(false);
});

test("nothing is asked where no host is an instance, and at most 200 are asked about at once", async () => {
  const { asked } = await ec2(answer());
  const machines = ec2Machines();
  await machines.ending(["runner.example"], NOW);
  expect(asked).toEqual([]);
  await machines.ending(
    Array.from({ length: 300 }, (_, number) => `i-${number.toString(16).padStart(8, "0")}`),
    NOW,
  );
  expect([...(asked[0] ?? [])].filter(([name]) => name.startsWith("Filter.1.Value."))).toHaveLength(200);
});

test("a cloud that fails is an error, and not silence", async () => {
  await ec2("<html>");
  await expect(ec2Machines().ending(["i-0123456789abcdef0"], NOW)).rejects.toThrow("XML");
  vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
  await expect(ec2Machines().ending(["i-0123456789abcdef0"], NOW)).rejects.toThrow("ECONNREFUSED");
});
