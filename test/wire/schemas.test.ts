import { describe, expect, test } from "vitest";
import { ID as RUN_ID } from "../../lib/wire/ids.ts";
import { read } from "../../lib/wire/read.ts";
import * as schemas from "../../lib/wire/schemas.ts";

/** The fields that a body was refused for; empty when it was accepted. */
const spec = (body: object): readonly string[] => fields(read(schemas.spec, JSON.stringify(body)));
const claim = (holder: object): readonly string[] => fields(read(schemas.claim, JSON.stringify({ holder })));
const beat = (progress: object): readonly string[] => fields(read(schemas.beat, JSON.stringify({ progress })));
const finish = (body: object): readonly string[] =>
  fields(read(schemas.finish, JSON.stringify({ outcome: "failed", ...body })));
const requeue = (body: object): readonly string[] => fields(read(schemas.requeue, JSON.stringify(body)));
const listing = (query: object): readonly string[] => fields(read(schemas.listing, JSON.stringify(query)));

const fields = (answer: ReturnType<typeof read>): readonly string[] =>
  answer.ok ? [] : (answer.problem.errors ?? []).map(({ field }) => field);

const ID = "0123456789abcdef0123456789abcdef";
const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));

describe("an id", () => {
  test.each(["a", "Z9", "etl-2026-11-22", "a_b", "0", "a.b", "a/b", "a+b:c", "x".repeat(128)])("may be %s", (id) => {
    expect(RUN_ID.test(id)).toBe(true);
  });

  test.each(["", "-a", "_a", ".a", "a b", "a/..", "é", "x".repeat(129), "a\n"])("may not be %j", (id) => {
    expect(RUN_ID.test(id)).toBe(false);
  });
});

describe("a spec", () => {
  test("may be empty", () => {
    expect(spec({})).toEqual([]);
  });

  test("may say everything, as the design's example does", () => {
    const body = {
      start: "self",
      leaseSeconds: 120,
      startWithinSeconds: 900,
      attemptDeadlineSeconds: 7200,
      deadlineSeconds: 86400,
      budgets: { crashes: 0, memory: 1, interruptions: 10, losses: 3, starts: 5 },
      backoff: { baseSeconds: 15, maxSeconds: 600 },
      onNotice: "handover",
      onCutOff: "stop",
      onDemandLast: 1,
      target: { kind: "queue" },
      labels: { team: "ml" },
    };
    expect(read(schemas.spec, JSON.stringify(body))).toEqual({ ok: true, value: body });
  });

  test.each([5, 5.5, 3600])("may have a lease of %d s", (leaseSeconds) => {
    expect(spec({ leaseSeconds })).toEqual([]);
  });

  test.each([4.999, 3600.001, 0, -120])("may not have a lease of %d s", (leaseSeconds) => {
    expect(spec({ leaseSeconds })).toEqual(["leaseSeconds"]);
  });

  test("may not have an infinite lease", () => {
    expect(fields(read(schemas.spec, '{"leaseSeconds":1e999}'))).toEqual(["leaseSeconds"]);
  });

  test.each(["startWithinSeconds", "attemptDeadlineSeconds", "deadlineSeconds"])(
    "has %s from 1 s to a year",
    (field) => {
      expect([0.999, 1, 31_536_000, 31_536_001].map((value) => spec({ [field]: value }))).toEqual([
        [field],
        [],
        [],
        [field],
      ]);
    },
  );

  test.each(["crashes", "memory", "interruptions", "losses", "starts"])("has a budget of %s from 0 to 50", (budget) => {
    const field = `budgets.${budget}`;
    expect([-1, 0, 50, 51, 1.5].map((value) => spec({ budgets: { [budget]: value } }))).toEqual([
      [field],
      [],
      [],
      [field],
      [field],
    ]);
  });

  test("has 1 to 50 attempts, where that is its one budget", () => {
    const field = "budgets.attempts";
    expect([0, 1, 50, 51].map((attempts) => spec({ budgets: { attempts } }))).toEqual([[field], [], [], [field]]);
  });

  test("may not have one budget for all and one per kind at once", () => {
    expect(spec({ budgets: { attempts: 3, crashes: 1 } })).toEqual(["budgets"]);
  });

  test("may have no wait at all", () => {
    expect(spec({ backoff: { baseSeconds: 0, maxSeconds: 0 } })).toEqual([]);
  });

  test.each(["baseSeconds", "maxSeconds"])("has a backoff of %s up to a day", (field) => {
    expect([-1, 86_400, 86_401].map((value) => spec({ backoff: { [field]: value } }))).toEqual([
      [`backoff.${field}`],
      [],
      [`backoff.${field}`],
    ]);
  });

  test.each(["start", "onNotice", "onCutOff"])("may not choose anything for %s", (field) => {
    expect(spec({ [field]: "perhaps" })).toEqual([field]);
  });

  test.each([{ start: "dispatch" }, { onNotice: "drain" }, { onNotice: "ignore" }, { onCutOff: "continue" }])(
    "may choose %j",
    (body) => {
      expect(spec(body)).toEqual([]);
    },
  );

  test("may name a flow run of Prefect or a task of Airflow, with all that they need", () => {
    const prefect = { kind: "prefect", name: "prod", flowRun: "0e8cfa6e-0000-4000-8000-000000000001" };
    expect(spec({ target: prefect })).toEqual([]);
    expect(spec({ target: { ...prefect, flowRun: "nightly" } })).toEqual(["target.flowRun"]);
    const airflow = { kind: "airflow", name: "prod", dag: "etl", dagRun: "manual__2026", task: "load" };
    expect(spec({ target: airflow })).toEqual([]);
    expect(spec({ target: { ...airflow, mapIndex: -1, dag: "" } })).toEqual(["target.dag", "target.mapIndex"]);
  });

  test("may not name a target that there is not", () => {
    expect(spec({ target: { kind: "cron" } })).toEqual(["target.kind"]);
  });

  test("has at most 20 labels", () => {
    expect([spec({ labels: labels(20) }), spec({ labels: labels(21) })]).toEqual([[], ["labels"]]);
  });

  test("names a label whose key is no id", () => {
    expect(spec({ labels: { "a b": "x" } })).toEqual(["labels.a b"]);
  });

  test("names a label whose value is too long", () => {
    expect(spec({ labels: { team: "x".repeat(257) } })).toEqual(["labels.team"]);
  });

  test("names a label whose value is no text", () => {
    expect(spec({ labels: { team: 1 } })).toEqual(["labels.team"]);
  });
});

describe("a holder", () => {
  test("is an id of 128 bits", () => {
    expect(claim({ id: ID })).toEqual([]);
  });

  test.each([ID.toUpperCase(), ID.slice(1), `${ID}0`, ""])("may not be %j", (id) => {
    expect(claim({ id })).toEqual(["holder.id"]);
  });

  test("needs an id", () => {
    expect(claim({})).toEqual(["holder.id"]);
  });

  test("is needed for a claim", () => {
    expect(fields(read(schemas.claim, "{}"))).toEqual(["holder"]);
  });

  test.each(["i-0abc", "ip-10-0-0-1.ec2.internal", "fargate/abc", "fd00::1", "x".repeat(128)])(
    "may stand on %s",
    (host) => {
      expect(claim({ id: ID, host })).toEqual([]);
    },
  );

  test.each(["", "-a", "a b", "a#b", "x".repeat(129)])("may not stand on %j", (host) => {
    expect(claim({ id: ID, host })).toEqual(["holder.host"]);
  });

  test("may say more about itself, in short texts", () => {
    expect(claim({ id: ID, pod: "etl-7d9f", zone: "eu-central-1a" })).toEqual([]);
  });

  test.each(["", 1, null, {}, "x".repeat(257)])("may not say %j about itself", (pod) => {
    expect(claim({ id: ID, pod })).toEqual(["holder.pod"]);
  });

  test("says at most 12 things", () => {
    expect([claim({ id: ID, ...labels(11) }), claim({ id: ID, ...labels(12) })]).toEqual([[], ["holder"]]);
  });
});

describe("progress", () => {
  test("needs a value", () => {
    expect(beat({ of: 100 })).toEqual(["progress.value"]);
  });

  test.each([0, 1e125, -1e125, 1e-130, -1e-130])("may have the value %d", (value) => {
    expect(beat({ value, of: value })).toEqual([]);
  });

  test.each([1.1e125, -1.1e125, 9e-131, 5e-324, 1e308])("may not have the value %d, which is not stored", (value) => {
    expect(beat({ value, of: value })).toEqual(["progress.value", "progress.of"]);
  });

  test("has a note of at most 1000 characters, of which 128 bytes are kept", () => {
    const read = schemas.beat.parse({ progress: { value: 1, note: "x".repeat(1000) } });
    expect(read.progress?.note).toBe("x".repeat(128));
    expect([beat({ value: 1, note: "😀".repeat(1000) }), beat({ value: 1, note: "x".repeat(1001) })]).toEqual([
      [],
      ["progress.note"],
    ]);
  });
});

describe("a finish", () => {
  test.each(["succeeded", "failed", "interrupted"])("may say %s", (outcome) => {
    expect(finish({ outcome })).toEqual([]);
  });

  test.each(["lost", "exhausted", "", 1])("may not say %j", (outcome) => {
    expect(finish({ outcome })).toEqual(["outcome"]);
  });

  test("needs an outcome", () => {
    expect(fields(read(schemas.finish, "{}"))).toEqual(["outcome"]);
  });

  test("has an exit code from 0 to 255", () => {
    expect([-1, 0, 255, 256].map((exitCode) => finish({ exitCode }))).toEqual([["exitCode"], [], [], ["exitCode"]]);
  });

  test.each(["SIGTERM", "SIGUSR1"])("may name %s", (signal) => {
    expect(finish({ signal })).toEqual([]);
  });

  test.each(["TERM", "sigterm", "SIG", "15"])("may not name %s as a signal", (signal) => {
    expect(finish({ signal })).toEqual(["signal"]);
  });

  test("has a message of which 4 KiB are kept", () => {
    const { message } = schemas.finish.parse({ outcome: "failed", message: "é".repeat(16_384) });
    expect(message).toBe("é".repeat(2048));
    expect(finish({ message: "x".repeat(16_385) })).toEqual(["message"]);
  });

  test("has a reason of at most 1000 characters", () => {
    expect([finish({ reason: "x".repeat(1000) }), finish({ reason: "x".repeat(1001) })]).toEqual([[], ["reason"]]);
  });
});

describe("a requeue", () => {
  test("may name no attempt", () => {
    expect(requeue({})).toEqual([]);
  });

  test("names an attempt from 1 on", () => {
    expect([requeue({ attempt: 0 }), requeue({ attempt: 1 })]).toEqual([["attempt"], []]);
  });
});

describe("a drain of a host", () => {
  const drain = (body: object): readonly string[] => fields(read(schemas.drain, JSON.stringify(body)));

  test("may say nothing", () => {
    expect(drain({})).toEqual([]);
  });

  test("has a deadline from now to a day ahead", () => {
    expect([-0.001, 0, 86_400, 86_400.001].map((deadlineSeconds) => drain({ deadlineSeconds }))).toEqual([
      ["deadlineSeconds"],
      [],
      [],
      ["deadlineSeconds"],
    ]);
  });

  test("has a reason of at most 1000 characters, of which 128 bytes are kept, whole characters alone", () => {
    expect([drain({ reason: "x".repeat(1000) }), drain({ reason: "x".repeat(1001) })]).toEqual([[], ["reason"]]);
    expect(schemas.drain.parse({ reason: `${"x".repeat(127)}é` })).toEqual({ reason: "x".repeat(127) });
  });
});

describe("a runner's notice", () => {
  const AT = "2026-11-22T12:00:00.000Z";
  const notice = (body: object): readonly string[] => fields(read(schemas.notice, JSON.stringify(body)));

  test.each(["sigterm", "spot", "rebalance"])("may be of a %s", (kind) => {
    expect(notice({ kind, at: AT, deadline: "2026-11-22T12:02:00Z" })).toEqual([]);
  });

  test.each(["terminated", "evicted", "drain", "", 1])("may not be of %j: a runner cannot know that", (kind) => {
    expect(notice({ kind, at: AT })).toEqual(["kind"]);
  });

  test.each(["2026-11-22", "2026-11-22T12:00:00", "2026-11-22T12:00:00+01:00", "2026-02-30T12:00:00Z", "now", 0])(
    "has instants in UTC: not %j",
    (when) => {
      expect([notice({ kind: "spot", at: when }), notice({ kind: "spot", at: AT, deadline: when })]).toEqual([
        ["at"],
        ["deadline"],
      ]);
    },
  );

  test("has instants of at most 40 letters, whatever their digits", () => {
    const when = (digits: number): string => `2026-11-22T12:00:00.${"0".repeat(digits)}Z`;
    expect(when(19)).toHaveLength(40);
    expect(notice({ kind: "spot", at: when(19), deadline: when(19) })).toEqual([]);
    expect(notice({ kind: "spot", at: when(20) })).toEqual(["at"]);
    expect(notice({ kind: "spot", at: AT, deadline: when(60_000) })).toEqual(["deadline"]);
  });

  test("needs its kind and its instant", () => {
    expect(notice({})).toEqual(["kind", "at"]);
  });
});

describe("a list", () => {
  test.each(["1", "9", "10", "99", "100", "499", "500"])("may be limited to %s", (limit) => {
    expect(listing({ limit })).toEqual([]);
  });

  test.each(["0", "501", "1000", "-1", "01", "1e2", "", "5.0"])("may not be limited to %j", (limit) => {
    expect(listing({ limit })).toEqual(["limit"]);
  });

  test.each(["live", "ended"])("may be of %s runs", (state) => {
    expect(listing({ state })).toEqual([]);
  });

  test("may not be of any other state", () => {
    expect(listing({ state: "running" })).toEqual(["state"]);
  });

  test("goes back to an instant in UTC", () => {
    expect([listing({ since: "2026-11-22T12:00:00.000Z" }), listing({ since: "2026-11-22" })]).toEqual([[], ["since"]]);
  });

  test("goes back to an instant of at most 40 letters", () => {
    const since = (digits: number): string => `2026-11-22T12:00:00.${"0".repeat(digits)}Z`;
    expect([listing({ since: since(19) }), listing({ since: since(20) })]).toEqual([[], ["since"]]);
  });

  test("goes on from a cursor of letters and digits", () => {
    expect([listing({ cursor: "MC5ldGw" }), listing({ cursor: "a/b" })]).toEqual([[], ["cursor"]]);
  });

  test("knows its own cursors of live runs", () => {
    expect(["0.etl", "12.", "etl", "0.a b"].map(schemas.isLiveCursor)).toEqual([true, true, false, false]);
  });

  test("knows its own cursors of ended runs", () => {
    expect(["2026-11-22T12:00:00.000Z#etl", "2026-11-22T12:00:00.000Z#"].map(schemas.isEndedCursor)).toEqual([
      true,
      true,
    ]);
  });

  test.each([
    "2026-11-22#etl",
    "0.etl",
    "2026-13-22T12:00:00.000Z#etl",
    "2026-11-22T12:00:00.000Z",
    "2026-11-22T12:00:00.000Z#a b",
    "2026-11-22T12:00:00.000Z#a#b",
  ])("does not take %j for a cursor of ended runs", (cursor) => {
    expect(schemas.isEndedCursor(cursor)).toBe(false);
  });
});
