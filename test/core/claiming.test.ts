import { describe, expect, test } from "vitest";
import type { EvidenceKind } from "../../lib/core/evidence.ts";
import { seconds } from "../../lib/core/time.ts";
import { decide } from "../../lib/core/transitions.ts";
import {
  at,
  canceling,
  claim,
  ended,
  evidence,
  fenceOf,
  following,
  HOLDER,
  leaving,
  OTHER_HOLDER,
  queued,
  registered,
  released,
  running,
  waiting,
  written,
} from "./runs.ts";

const refused = (reply: object) => ({ write: "none", reply });

describe("the first holder with the ticket", () => {
  test("opens the attempt: it runs, with a lease from now on", () => {
    expect(decide(queued(), claim(at("12:05:00")))).toStrictEqual({
      write: "replace",
      next: running({ claimedAt: at("12:05:00"), due: at("12:07:00"), rev: queued().rev + 1 }),
      reply: {
        kind: "claimed",
        attempt: 1,
        fence: fenceOf(1),
        lease: seconds(120),
        directive: "continue",
        onCutOff: "stop",
      },
    });
  });

  test("says where it runs", () => {
    expect(written(decide(queued(), claim(at("12:05:00"), { host: "i-0abc" })))).toMatchObject({ host: "i-0abc" });
  });

  test("is told the number and fence of a later attempt", () => {
    const third = following("ll");
    expect(decide(queued(third), claim(at("12:05:00"), { fence: third.fence })).reply).toMatchObject({
      kind: "claimed",
      attempt: 3,
      fence: fenceOf(3),
    });
  });

  test("takes the place of the message that is still owed", () => {
    const run = queued({ debt: { since: at("12:00:00"), owes: "message" } });
    expect(written(decide(run, claim(at("12:05:00"))))).not.toHaveProperty("debt");
  });

  test("may come late, as long as nobody has reaped the attempt", () => {
    expect(decide(queued(), claim(at("12:15:00"))).reply.kind).toBe("claimed");
  });
});

test("a holder is told whether to go on when it is cut off", () => {
  const registration = registered({ onCutOff: "continue" });
  expect(decide(queued(), claim(at("12:05:00"), { registration })).reply).toMatchObject({ onCutOff: "continue" });
  expect(decide(running(), claim(at("12:02:00"), { registration })).reply).toMatchObject({ onCutOff: "continue" });
});

describe("the deadline of a claimed attempt", () => {
  test("is none without a deadline", () => {
    expect(written(decide(queued(), claim(at("12:05:00"))))).not.toHaveProperty("lastRenewable");
  });

  test("counts from the claim", () => {
    const registration = registered({ attemptDeadline: seconds(600) });
    expect(written(decide(queued(), claim(at("12:05:00"), { registration })))).toMatchObject({
      lastRenewable: at("12:15:00"),
    });
  });

  test("is the run's own deadline where the attempt has none", () => {
    const registration = registered({ deadline: seconds(3600) });
    expect(written(decide(queued(), claim(at("12:05:00"), { registration })))).toMatchObject({
      lastRenewable: at("13:00:00"),
    });
  });

  test("is the earlier one of the attempt's and the run's", () => {
    const registration = registered({ attemptDeadline: seconds(600), deadline: seconds(720) });
    expect(written(decide(queued(), claim(at("12:05:00"), { registration })))).toMatchObject({
      lastRenewable: at("12:12:00"),
    });
  });

  test("refuses a claim as overran from the run's deadline on", () => {
    const registration = registered({ deadline: seconds(600) });
    expect(decide(queued(), claim(at("12:10:00"), { registration }))).toStrictEqual(refused({ kind: "overran" }));
    expect(decide(queued(), claim(at("12:09:59.999"), { registration })).reply.kind).toBe("claimed");
  });
});

describe("a claim of a held attempt", () => {
  test("by the same holder gives the same attempt, and renews the lease", () => {
    expect(decide(running(), claim(at("12:02:00")))).toStrictEqual({
      write: "renew",
      renewal: { fence: fenceOf(1), now: at("12:02:00"), due: at("12:04:00") },
      reply: {
        kind: "claimed",
        attempt: 1,
        fence: fenceOf(1),
        lease: seconds(120),
        directive: "continue",
        onCutOff: "stop",
      },
    });
  });

  test("by the same holder never shortens the lease", () => {
    expect(decide(running({ due: at("12:05:00") }), claim(at("12:02:00")))).toMatchObject({
      write: "none",
      reply: { kind: "claimed" },
    });
  });

  test("by the same holder is told to drain when the attempt is leaving", () => {
    expect(decide(leaving(), claim(at("12:02:00"))).reply).toMatchObject({ kind: "claimed", directive: "drain" });
  });

  test.each([released(), canceling()])(
    "by the same holder in state $state is told to stop, and renews nothing",
    (run) => {
      expect(decide(run, claim(at("12:02:30")))).toMatchObject({
        write: "none",
        reply: { kind: "claimed", directive: "stop" },
      });
    },
  );

  test.each([running(), leaving()])("by the same holder in state $state is refused past the deadline", (run) => {
    const late = { ...run, lastRenewable: at("12:02:00") };
    expect(decide(late, claim(at("12:02:00")))).toStrictEqual(refused({ kind: "overran" }));
  });

  test.each([running(), leaving(), canceling()])("by another holder is refused in state $state", (run) => {
    expect(decide(run, claim(at("12:02:00"), { holder: OTHER_HOLDER }))).toStrictEqual(
      refused({ kind: "held-by-another" }),
    );
  });
});

describe("a ticket", () => {
  test.each([queued, waiting, running, leaving, canceling])(
    "of an ended attempt is superseded, and told by whom",
    (of) => {
      expect(decide(of(following("l")), claim(at("12:02:00"), { fence: fenceOf(1) }))).toStrictEqual(
        refused({ kind: "superseded", attempt: 2, fence: fenceOf(2) }),
      );
    },
  );

  test.each([queued, waiting, running, leaving, canceling])(
    "of a handover is held while the old attempt is not provably gone",
    (of) => {
      expect(decide(of(following("l")), claim(at("12:02:00"), { fence: fenceOf(3) }))).toStrictEqual(
        refused({ kind: "hold" }),
      );
    },
  );

  test("of a waiting attempt is held until its backoff is over", () => {
    expect(decide(waiting(), claim(at("12:10:10"), { fence: fenceOf(2) }))).toStrictEqual(refused({ kind: "hold" }));
  });

  test.each([fenceOf(1), fenceOf(2), fenceOf(3)])(
    "of an ended run is refused as ended, whatever its fence (%d)",
    (fence) => {
      expect(decide(ended(), claim(at("12:04:00"), { fence }))).toStrictEqual(refused({ kind: "ended" }));
    },
  );
});

describe("a holder on a host that is going", () => {
  const told = (kind: EvidenceKind) => [evidence(kind, at("12:04:30"))];
  const HELD = refused({ kind: "hold" });

  test.each(["spot-interruption", "drain", "stopping", "scale-in"] as const)(
    "is held, and nothing is spent: the ticket stays good for another host (%s)",
    (kind) => {
      expect(decide(queued(), claim(at("12:05:00"), { evidence: told(kind) }))).toStrictEqual(HELD);
    },
  );

  test("is let in if it is a pod that runs already, without an agent", () => {
    const own = claim(at("12:05:00"), { evidence: told("drain"), isWatched: true });
    expect(decide(queued(), own)).toMatchObject({ next: { state: "running", isWatched: true } });
  });

  test.each(["rebalance", "maintenance"] as const)("is let in when the host was only told of a %s", (kind) => {
    const { reply } = decide(queued(), claim(at("12:05:00"), { evidence: told(kind) }));
    expect(reply).toMatchObject({ kind: "claimed", directive: "continue" });
  });

  test("is let in where the policy is to ignore it", () => {
    const registration = registered({ onNotice: "ignore" });
    const { reply } = decide(queued(), claim(at("12:05:00"), { registration, evidence: told("drain") }));
    expect(reply).toMatchObject({ kind: "claimed" });
  });

  test("is let in two minutes after: the host is still there, or another one by now", () => {
    const reply = (clock: string) =>
      decide(queued(), claim(at("12:05:00"), { evidence: [evidence("drain", at(clock))] })).reply.kind;
    expect([reply("12:03:00"), reply("12:02:59.999")]).toStrictEqual(["hold", "claimed"]);
  });

  test("is held from a minute before that, as clocks differ; what is announced for later than that closes nothing yet", () => {
    const reply = (clock: string) =>
      decide(queued(), claim(at("12:05:00"), { evidence: [evidence("drain", at(clock))] })).reply.kind;
    expect([reply("12:06:00"), reply("12:06:00.001")]).toStrictEqual(["hold", "claimed"]);
  });

  test("is let in where only a runner has said so: its word closes no host to others", () => {
    const said = evidence("sigterm", at("12:04:30"), { source: "runner" });
    expect(decide(queued(), claim(at("12:05:00"), { evidence: [said] })).reply.kind).toBe("claimed");
    expect(decide(queued(), claim(at("12:05:00"), { evidence: [said, ...told("drain")] }))).toStrictEqual(HELD);
  });

  test("is let in on a host whose namesake was gone before", () => {
    const gone = evidence("terminated", at("12:04:30"), { goneAt: at("12:04:30") });
    expect(decide(queued(), claim(at("12:05:00"), { evidence: [gone] })).reply.kind).toBe("claimed");
  });

  test("is still told to stop when it has to stop", () => {
    const asked = claim(at("12:02:30"), { evidence: [evidence("spot-interruption", at("12:02:00"))] });
    expect(decide(canceling(), asked).reply).toMatchObject({ directive: "stop" });
  });
});

test("an attempt starts at most once: the second pod for it is refused before its child starts", () => {
  const run = written(decide(queued(), claim(at("12:05:00"), { holder: HOLDER })));
  expect(decide(run, claim(at("12:05:00"), { holder: OTHER_HOLDER })).reply.kind).toBe("held-by-another");
});
