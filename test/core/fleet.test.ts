import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyFleet, type Fleet, isGap, powerOf, tally } from "../../lib/core/fleet.ts";
import type { State } from "../../lib/core/run.ts";
import { type Instant, instant, seconds } from "../../lib/core/time.ts";
import { at } from "./runs.ts";

const NOW = at("12:30:00");
const HOST = "i-0abc";

type Seen = Parameters<typeof tally>[1];

/** Running on a host, with a lease of two minutes, and heard ten seconds ago, but for what a test is about. */
const seen = (own: Partial<Seen> = {}): Seen => ({
  state: "running",
  due: at("12:31:50"),
  lease: seconds(120),
  host: HOST,
  ...own,
});

/** The same, heard so many seconds ago. */
const heard = (ago: number, own: Partial<Seen> = {}): Seen => {
  const { lease } = seen(own);
  return seen({ due: instant(NOW - ago * 1000 + lease), ...own });
};

function fleetOf(...all: readonly Seen[]): Fleet {
  const fleet = emptyFleet();
  for (const each of all) tally(fleet, each, NOW);
  return fleet;
}

/** What is heard of an attempt with a lease of two minutes, ten seconds after its beat. */
const VOICE = { heardAt: at("12:29:50"), ago: 10_000, interval: seconds(30), longest: seconds(120) };
const NOBODY = { voices: [], oneOf: 1, seen: 0 };
/** What such an attempt says of the fleet, heard or not. */
const COUNTED = {
  hosts: new Map(),
  alone: NOBODY,
  leases: new Map([[6, seconds(120)]]),
  oldest: at("12:29:50"),
  valveOpens: at("12:46:50"),
};

describe("a fleet", () => {
  test("is empty before anything was seen", () => {
    expect(emptyFleet()).toStrictEqual({ hosts: new Map(), alone: NOBODY, leases: new Map() });
  });

  test("hears the host of a running attempt: when, how long ago, how often it beats, and how long its lease is", () => {
    expect(fleetOf(seen())).toStrictEqual({ ...COUNTED, hosts: new Map([[HOST, VOICE]]) });
  });

  test("hears an attempt without a host as one of its own", () => {
    const { host: _, ...alone } = seen();
    expect(fleetOf(alone)).toStrictEqual({ ...COUNTED, alone: { voices: [VOICE], oneOf: 1, seen: 1 } });
  });

  test("hears an attempt that leaves and beats like any other", () => {
    expect(fleetOf(seen({ state: "leaving" }))).toStrictEqual(fleetOf(seen()));
  });

  test("does not hear one that leaves and has been silent for half of its lease, and counts it all the same", () => {
    const leaving = (ago: number) => fleetOf(heard(ago, { state: "leaving" }));
    expect(leaving(60)).toStrictEqual({ ...COUNTED, oldest: at("12:29:00"), valveOpens: at("12:46:00") });
    expect(leaving(59.999).hosts.get(HOST)?.ago).toBe(59_999);
  });

  test("neither hears nor counts an attempt without an agent: it does not come through the front door", () => {
    expect(fleetOf(heard(5, { isWatched: true }))).toEqual(emptyFleet());
  });

  test("does not hear an attempt that nobody has claimed yet, and counts it all the same", () => {
    const { host: _, ...queued } = seen({ state: "queued" });
    expect(fleetOf(queued)).toStrictEqual(COUNTED);
  });

  test.each<State>(["waiting", "canceling", "ended"])("knows nothing from a run in state %s", (state) => {
    expect(fleetOf(seen({ state }))).toStrictEqual(emptyFleet());
  });

  test("is the same in whatever order it was seen", () => {
    const some = fc.record({
      state: fc.constantFrom<State>("queued", "running", "leaving"),
      due: fc.integer({ min: -1_200_000, max: 120_000 }).map((left) => instant(NOW + left)),
      lease: fc.constantFrom(seconds(30), seconds(65), seconds(100), seconds(120), seconds(300)),
      host: fc.constantFrom("a", "b"),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 6 }), (all) => {
        expect(fleetOf(...all.toReversed())).toStrictEqual(fleetOf(...all));
      }),
    );
  });
});

describe("a host with several attempts", () => {
  test("was heard when the last of them was, beats as often as the most frequent, and has the longest of their leases", () => {
    const hourly = heard(30, { lease: seconds(3600) });
    const short = heard(20, { lease: seconds(30) });
    const told = { heardAt: at("12:29:50"), ago: 10_000, interval: seconds(7.5), longest: seconds(3600) };
    for (const all of [
      [hourly, short, seen()],
      [seen(), short, hourly],
    ])
      expect(fleetOf(...all).hosts).toStrictEqual(new Map([[HOST, told]]));
  });

  test("has been silent for as long as when its last beat was first looked at: others of the fleet were looked at then", () => {
    const fleet = fleetOf(seen());
    tally(fleet, seen(), at("12:30:20"));
    expect(fleet.hosts.get(HOST)).toStrictEqual(VOICE);
    tally(fleet, heard(-5), at("12:30:20"));
    expect(fleet.hosts.get(HOST)).toStrictEqual({ ...VOICE, heardAt: at("12:30:05"), ago: 15_000 });
  });

  test("is not another host", () => {
    expect([...fleetOf(seen({ host: "a" }), seen({ host: "b" })).hosts.keys()]).toStrictEqual(["a", "b"]);
  });
});

describe("a class of leases", () => {
  test("is from one power of two to the next, in seconds", () => {
    expect([5, 63.999, 64, 127.999, 128, 3600].map((lease) => powerOf(seconds(lease)))).toStrictEqual([
      2, 5, 6, 6, 7, 11,
    ]);
  });

  test("is judged by the shortest of its leases", () => {
    const leases = [100, 65, 120, 300].map((lease) => seen({ lease: seconds(lease) }));
    const shortest = new Map([
      [6, seconds(65)],
      [8, seconds(300)],
    ]);
    expect(fleetOf(...leases).leases).toStrictEqual(shortest);
  });
});

describe("who has been silent for the longest", () => {
  test("is known by when it was heard, whatever its lease", () => {
    const oldest = (...ago: readonly number[]) => fleetOf(...ago.map((each) => heard(each))).oldest;
    expect([oldest(10, 3600, 20), oldest(3600, 10)]).toStrictEqual([at("11:30:00"), at("11:30:00")]);
    expect(fleetOf(heard(50, { lease: seconds(30) }), heard(40, { lease: seconds(3600) })).oldest).toBe(at("12:29:10"));
  });
});

describe("the first verdict that goes on whosever fault it is", () => {
  const opens = (...due: readonly string[]): Instant | undefined =>
    fleetOf(...due.map((clock) => seen({ due: at(clock) }))).valveOpens;

  test("is that on the attempt that is due first, a quarter of an hour after that", () => {
    expect([opens("12:31:00", "12:20:00", "12:40:00"), opens("12:20:00", "12:31:00")]).toStrictEqual([
      at("12:35:00"),
      at("12:35:00"),
    ]);
  });

  test("is none that may go on already", () => {
    expect([opens("12:15:00"), opens("12:15:00.001"), opens("12:10:00", "12:31:00")]).toStrictEqual([
      undefined,
      at("12:30:00.001"),
      at("12:46:00"),
    ]);
  });
});

describe("of very many attempts without a host", () => {
  /** So many of them, each heard a millisecond after the one before; the first at 12:29:00.001. */
  function crowd(count: number): Fleet["alone"] {
    const fleet = emptyFleet();
    const { host: _, ...alone } = seen();
    for (let each = 1; each <= count; each += 1) tally(fleet, { ...alone, due: instant(at("12:31:00") + each) }, NOW);
    return fleet.alone;
  }

  test("a share is kept, from 8192 on, and it stands for all of them", () => {
    const shares = [8191, 8192, 16_383, 16_384].map((count) => {
      const { voices, oneOf, seen: all } = crowd(count);
      return [voices.length, oneOf, all];
    });
    expect(shares).toStrictEqual([
      [8191, 1, 8191],
      [4096, 2, 8192],
      [8191, 2, 16_383],
      [4096, 4, 16_384],
    ]);
  });

  test("the first of each two stays, and from then on every second one is kept", () => {
    const kept = crowd(8196).voices.map(({ heardAt }) => heardAt - at("12:29:00"));
    expect([kept.slice(0, 3), kept.slice(-3)]).toStrictEqual([
      [1, 3, 5],
      [8191, 8194, 8196],
    ]);
  });
});

describe("a gap between sweeps", () => {
  const PERIOD = seconds(10);
  const OLD = fleetOf(heard(3600));
  const gap = (fleet: Fleet, lastSweep: Instant): boolean => isGap(fleet, lastSweep, PERIOD, NOW);

  test("is one of more than three of their periods and five seconds", () => {
    expect([gap(OLD, at("12:29:25")), gap(OLD, at("12:29:24.999"))]).toStrictEqual([false, true]);
    expect(isGap(OLD, at("12:29:24.999"), seconds(60), NOW)).toBe(false);
  });

  test("is none where nobody was there: a fleet that came after it cannot have been cut off", () => {
    expect([gap(emptyFleet(), at("11:00:00")), gap(fleetOf(heard(35)), at("11:00:00"))]).toStrictEqual([false, false]);
    expect(gap(fleetOf(heard(35.001)), at("11:00:00"))).toBe(true);
  });
});
