import { readFileSync } from "node:fs";
import { type Span, seconds } from "../core/time.ts";
import { baseOf } from "../wire/base.ts";

/**
 * Where Linux shows what the firmware says. On EC2 (Nitro) the vendor is Amazon EC2, and the asset tag is the instance
 * id.
 */
const DMI = "/sys/devices/virtual/dmi/id";

const said = (folder: string, name: string): string => {
  try {
    return readFileSync(`${folder}/${name}`, "utf8").trim();
  } catch {
    return ""; // no such firmware, or no such system
  }
};

/** Whether the machine is an EC2 instance. */
export const isOnEc2 = (dmi: string = DMI): boolean => said(dmi, "sys_vendor") === "Amazon EC2";

/** The id of the EC2 instance, if the firmware tells it. */
export function instanceId(dmi: string = DMI): string | undefined {
  const tag = said(dmi, "board_asset_tag");
  return /^i-[0-9a-f]+$/.test(tag) ? tag : undefined;
}

/** What the instance's own metadata announces. */
export type Announcement =
  | { readonly notice: "spot"; readonly deadline: string }
  | { readonly notice: "rebalance"; readonly at?: string };

/** The whole notice is two minutes. Polling loses at most this much of it. */
const POLL: Span = seconds(5);
/** The host itself answers for the metadata, or nobody does: a pod behind a hop limit gets no answer. */
const TIMEOUT: Span = seconds(1);
/** Metadata that do not answer for so long at the start are not there. */
const PATIENCE: Span = seconds(60);
/** A token is valid for six hours. When it has expired, a new one is taken. */
const TTL_SECONDS = 21_600;

export type Poll = { stop(): void };

/**
 * Polls the instance metadata (IMDSv2) at `base` until stopped. The first request may come before the network of a pod is up, so it is
 * repeated for a minute; then the metadata is given up, and that is said. Each kind is announced once.
 */
export function pollMetadata(
  base: string,
  announce: (what: Announcement) => void,
  say: (line: string) => void,
  { every = POLL, patience = PATIENCE }: { readonly every?: Span; readonly patience?: Span } = {},
): Poll {
  const stopped = new AbortController();
  const heard = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let token: string | undefined;

  const ask = (path: string, init: RequestInit): Promise<Response> =>
    fetch(`${baseOf(base)}/latest/${path}`, {
      ...init,
      redirect: "manual",
      signal: AbortSignal.any([stopped.signal, AbortSignal.timeout(TIMEOUT)]),
    });
  const newToken = async (): Promise<string | undefined> => {
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": String(TTL_SECONDS) };
    const response = await ask("api/token", { method: "PUT", headers });
    const text = await response.text();
    return response.status === 200 ? text : undefined;
  };
  const read = async (path: string, mayRenew = true): Promise<unknown> => {
    const response = await ask(`meta-data/${path}`, { headers: { "x-aws-ec2-metadata-token": token ?? "" } });
    const text = await response.text();
    if (response.status === 401 && mayRenew) {
      token = (await newToken()) ?? token;
      return read(path, false);
    }
    return response.status === 200 ? JSON.parse(text) : undefined; // 404: nothing is announced
  };
  const hear = (what: Announcement | undefined): void => {
    if (what === undefined || heard.has(what.notice) || stopped.signal.aborted) return;
    heard.add(what.notice);
    announce(what);
  };
  const look = async (): Promise<void> => {
    try {
      hear(spot(await read("spot/instance-action")));
      hear(rebalance(await read("events/recommendations/rebalance")));
    } catch {
      // The metadata was there before, so it is asked again.
    }
    again();
  };
  const again = (): void => {
    if (stopped.signal.aborted) return;
    timer = setTimeout(() => void look(), every);
    timer.unref();
  };
  const giveUpAt = performance.now() + patience;
  const probe = async (): Promise<void> => {
    token = await newToken().catch(() => undefined);
    if (token !== undefined) return look();
    if (stopped.signal.aborted) return;
    if (performance.now() >= giveUpAt)
      return say(`the instance metadata at ${base} do not answer: a spot notice comes with the beats alone`);
    timer = setTimeout(() => void probe(), every);
    timer.unref();
  };
  void probe();
  return {
    stop: () => {
      stopped.abort();
      clearTimeout(timer);
    },
  };
}

const isInstant = (value: unknown): value is string => typeof value === "string" && !Number.isNaN(Date.parse(value));

function spot(body: unknown): Announcement | undefined {
  const { time } = (body ?? {}) as { readonly time?: unknown };
  return isInstant(time) ? { notice: "spot", deadline: new Date(time).toISOString() } : undefined;
}

function rebalance(body: unknown): Announcement | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { noticeTime } = body as { readonly noticeTime?: unknown };
  return { notice: "rebalance", ...(isInstant(noticeTime) && { at: new Date(noticeTime).toISOString() }) };
}
