import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MOST_NOTICES } from "../../../lib/evidence/aws/parsed.ts";
import {
  eviction,
  fromHook,
  fromTopic,
  hostDrain,
  INSTANCE,
  type Json,
  maintenance,
  noticesOf,
  parsed,
  SAYING,
  spotWarning,
  stateChange,
} from "./bus.ts";

const HOST = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
const INSTANCE_ID = /^i-[0-9a-f]{8,17}$/;
const EVIDENCE_ID = /^[\x21-\x7e]{1,64}$/;
const OWN = new Set(["lastbeat", "runner"]);

/** What holds for any input: an answer, the same again, and nothing in it that could not be a key of a table. */
function holds(event: unknown): void {
  const said = parsed(event);
  expect(parsed(event)).toEqual(said);
  if (said.kind !== "notices") {
    expect(said.why.length).toBeLessThan(500);
    return;
  }
  expect(said.notices.length).toBeGreaterThan(0);
  expect(said.notices.length).toBeLessThanOrEqual(MOST_NOTICES);
  expect(new Set(said.notices.map(({ host }) => host)).size).toBe(said.notices.length);
  for (const { host, evidence } of said.notices) {
    expect(host).toMatch(OWN.has(evidence.source) ? HOST : INSTANCE_ID);
    expect(evidence.id).toMatch(EVIDENCE_ID);
    for (const instant of [evidence.at, evidence.goneAt, evidence.saidAt, evidence.deadline])
      if (instant !== undefined) expect(Number.isInteger(instant)).toBe(true);
  }
}

/** All paths to a field of the event. */
function paths(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [
    ...(path.length > 0 ? [path] : []),
    ...Object.entries(value).flatMap(([key, part]) => paths(part, [...path, key])),
  ];
}

/** The value with `change` made at the path: another value, two of it in a list, or nothing. */
function changed(value: unknown, [key, ...rest]: readonly string[], change: (part: unknown) => unknown): unknown {
  if (key === undefined) return change(value);
  const parts = Object.entries(value as Json).map(([name, part]) => [
    name,
    name === key ? changed(part, rest, change) : part,
  ]);
  const kept = parts.filter(([, part]) => part !== undefined);
  return Array.isArray(value) ? kept.map(([, part]) => part) : Object.fromEntries(kept);
}

const mutated = fc
  .constantFrom(...SAYING)
  .chain((event) => fc.tuple(fc.constant(event), fc.constantFrom(...paths(event)), fc.jsonValue(), fc.nat(3)))
  .map(([event, path, other, how]) =>
    changed(event, path, (part) => [undefined, other, [part, part], { [String(part)]: part }][how]),
  );

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

const RUNS = { numRuns: 2000 };

describe("whatever comes in", () => {
  test("is answered, when it is any value", () =>
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }), holds),
      RUNS,
    ));

  test("is answered, when it is any JSON, wrapped or not", () =>
    fc.assert(
      fc.property(fc.jsonValue(), fc.json(), (value, text) => {
        holds(value);
        holds({ Message: text });
        holds({ ...spotWarning(), detail: value });
        holds({ ...maintenance(), detail: { ...(maintenance()["detail"] as Json), affectedEntities: value } });
        holds(eviction(value));
        holds(fromHook({ LifecycleTransition: value }));
        holds(hostDrain({ host: text, deadline: value }));
      }),
      RUNS,
    ));

  test("is answered, when it is a valid event with a field dropped, retyped or doubled", () =>
    fc.assert(fc.property(mutated, holds), { numRuns: 5000 }));

  test("is left as it was", () => {
    for (const event of SAYING) {
      const before = structuredClone(event);
      holds(frozen(event));
      expect(event).toEqual(before);
    }
  });

  test.each([null, undefined, true, 0, Number.NaN, 1n, "", "[]", JSON.stringify(spotWarning()), [], [spotWarning()]])(
    "is unknown when it is %s",
    (event) => {
      expect(parsed(event).kind).toBe("unknown");
    },
  );
});

describe("a hostile event", () => {
  test("does not choose its meaning by a prototype", () => {
    const text = `{"__proto__":${JSON.stringify(spotWarning())},"constructor":{"prototype":{"source":"aws.ec2"}}}`;
    expect(parsed(JSON.parse(text)).kind).toBe("unknown");
    expect(parsed(Object.create(spotWarning())).kind).toBe("unknown");
    expect(parsed({ "detail-type": "toString", source: "constructor", detail: {} }).kind).toBe("unknown");
    expect(Object.hasOwn(Object.prototype, "source")).toBe(false);
  });

  test("that throws when it is read is unknown", () => {
    const getter = Object.defineProperty({}, "detail-type", {
      enumerable: true,
      get: () => {
        throw new Error("read");
      },
    });
    const proxy = new Proxy(spotWarning(), {
      ownKeys: () => {
        throw new Error("listed");
      },
    });
    const cyclic: Record<string, unknown> = { ...spotWarning() };
    cyclic["detail"] = cyclic;
    for (const event of [getter, proxy, cyclic, { toJSON: () => undefined }])
      expect(parsed(event).kind).toBe("unknown");
  });

  test("of a hundred thousand levels is unknown", () => {
    const depth = 100_000;
    const text = `${'{"detail":'.repeat(depth)}1${"}".repeat(depth)}`;
    holds({ ...spotWarning(), detail: JSON.parse(text) });
    expect(parsed(fromTopic("x")).kind).toBe("unknown");
    expect(parsed({ Message: text }).kind).toBe("unknown");
  });

  test("with a text of a megabyte is answered soon, and its reason stays short", () => {
    const long = "health check ".repeat(80_000);
    const start = performance.now();
    for (const event of SAYING)
      for (const path of paths(event)) if (path.length < 3) holds(changed(event, path, () => long));
    holds(stateChange(long));
    holds({ ...stateChange("stopped"), "detail-type": long, source: long });
    holds({ Message: long });
    // Far above what it takes, and far below what a regular expression takes that goes back and forth in a megabyte.
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  const instances = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `i-${index.toString(16).padStart(17, "0")}`);

  /** As an eviction names them, and as a maintenance does. */
  const naming = (ids: readonly string[]): readonly Json[] => [
    eviction(ids),
    maintenance({ affectedEntities: ids.map((entityValue) => ({ entityValue })) }),
  ];

  test("that names 12,000 instances tells all of them", () => {
    const ids = instances(12_000);
    for (const event of naming(ids)) {
      expect(noticesOf(event).map(({ host }) => host)).toEqual(ids);
      expect(parsed(event)).not.toHaveProperty("surplus");
    }
  });

  test("that names more than the 256 KB of an event hold tells 12,000 of them, and says how many it left", () => {
    expect(JSON.stringify(instances(12_000)).length).toBeGreaterThan(256 * 1024);
    const ids = instances(12_007);
    for (const event of naming(ids)) {
      expect(noticesOf(event).map(({ host }) => host)).toEqual(ids.slice(0, 12_000));
      expect(parsed(event)).toHaveProperty("surplus", 7);
    }
  });

  test("that repeats an instance names one", () => {
    expect(noticesOf(eviction(Array.from({ length: 13_000 }, () => INSTANCE)))).toHaveLength(1);
  });
});
