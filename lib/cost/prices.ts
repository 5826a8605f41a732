/** The region of these prices. Other regions are more expensive, most of them by less than a third. */
export const REGION = "us-east-1";

/** `usd` for each `per` units, up to `upTo` units a month; without `upTo`, for all further units. */
export type Tier = { readonly usd: number; readonly upTo?: number };

/** A list price without free tier, with the day and the place where it was looked up. */
export type Price = {
  readonly tiers: readonly [Tier, ...Tier[]];
  readonly per: number;
  readonly unit: string;
  /** Year, month and day. */
  readonly asOf: string;
  readonly source: string;
};

const MILLION = 1_000_000;
const AS_OF = "2026-11-22";
const API_GATEWAY = "AWS whitepaper Best Practices for Designing API Gateway Private APIs, table 4; its list price";

const flat = (usd: number, per: number, unit: string, source: string): Price => ({
  tiers: [{ usd }],
  per,
  unit,
  asOf: AS_OF,
  source,
});

/** The front doors that a runner's requests can use. */
export const FRONT_DOORS = ["http-api", "function-url", "rest-api"] as const;
export type FrontDoor = (typeof FRONT_DOORS)[number];

/** The price of a request at each front door. Our requests are far below 512 KB, the unit of an HTTP API. */
export const FRONT_DOOR_PRICES: Readonly<Record<FrontDoor, Price>> = {
  "http-api": {
    tiers: [{ usd: 1, upTo: 300 * MILLION }, { usd: 0.9 }],
    per: MILLION,
    unit: "requests",
    asOf: AS_OF,
    source: API_GATEWAY,
  },
  "function-url": flat(0, MILLION, "requests", "AWS Lambda's pricing page: a function URL has no charge of its own"),
  "rest-api": {
    tiers: [
      { usd: 3.5, upTo: 333 * MILLION },
      { usd: 2.8, upTo: 1_000 * MILLION },
      { usd: 2.38, upTo: 20_000 * MILLION },
      { usd: 1.51 },
    ],
    per: MILLION,
    unit: "requests",
    asOf: AS_OF,
    source: API_GATEWAY,
  },
};

/** All other prices. EventBridge is not listed: scheduled rules and the events of AWS services are free. */
export const PRICES = {
  lambdaRequest: flat(0.2, MILLION, "requests", "AWS Lambda's list price; cloudchipr.com, 2025"),
  lambdaSecond: flat(0.0000133334, 1, "GB-s", "AWS Lambda's list price, arm64, first tier; cloudchipr.com, 2025"),
  write: flat(0.625, MILLION, "WRU", "DynamoDB on demand since November 2024; airbyte.com, 2025-07-21"),
  read: flat(0.125, MILLION, "RRU", "DynamoDB on demand since November 2024; airbyte.com, 2025-07-21"),
  storage: flat(0.25, 1, "GB-months", "DynamoDB's list price, standard table class; usage.ai, 2026-05"),
  recovery: flat(0.2, 1, "GB-months", "DynamoDB's public list price of point-in-time recovery"),
  sqs: flat(0.4, MILLION, "requests", "SQS standard queues; cloudburn.io, 2026-03-14"),
  secret: flat(0.4, 1, "secrets", "AWS's public list price of Secrets Manager"),
  secretCall: flat(0.05, 10_000, "calls", "AWS's public list price of Secrets Manager"),
  alarm: flat(0.1, 1, "alarms", "AWS's public list price of CloudWatch, standard resolution; c3x.dev"),
  metric: flat(0.3, 1, "metrics", "CloudWatch custom metrics, first 10,000; signoz.io, 2026-02-15"),
  dashboard: flat(3, 1, "dashboards", "AWS's public list price of CloudWatch, beyond the three that are free"),
  logs: flat(0.5, 1, "GB", "CloudWatch Logs, ingestion; signoz.io, 2026-02-15"),
} as const satisfies Readonly<Record<string, Price>>;

const ALL: readonly Price[] = [...Object.values(FRONT_DOOR_PRICES), ...Object.values(PRICES)];

/** The day of the oldest price. */
export const PRICES_AS_OF: string = ALL.map(({ asOf }) => asOf).sort()[0] ?? AS_OF;

/** AWS changes one of these prices every year or two, so far downwards. So it is enough to look again after a year. */
const GOOD_FOR_MONTHS = 12;

/** Whether prices of that day are too old at `now` (Unix milliseconds). */
export function areStale(now: number, asOf: string = PRICES_AS_OF): boolean {
  const until = new Date(`${asOf}T00:00:00.000Z`);
  until.setUTCMonth(until.getUTCMonth() + GOOD_FOR_MONTHS);
  return now > until.getTime();
}

/** The cost of this many units in a month, in US dollars. Each tier takes the units beyond the tier below. */
export function usdOf({ tiers, per }: Price, units: number): number {
  let usd = 0;
  let below = 0;
  for (const tier of tiers) {
    const upTo = tier.upTo ?? Number.POSITIVE_INFINITY;
    usd += (Math.max(0, Math.min(units, upTo) - below) / per) * tier.usd;
    below = upTo;
  }
  return usd;
}
