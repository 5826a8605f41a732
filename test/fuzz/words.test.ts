import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keysOf } from "../../lambdas/variables.ts";
import { storedKeys } from "../../lib/adapters/aws/keys.ts";
import { interpret } from "../../lib/agent/answer.ts";
import { isBeatBody, isClaimBody, isFinishBody } from "../../lib/agent/client.ts";
import { sign, verify } from "../../lib/app/credentials.ts";
import { main } from "../../lib/cli/main.ts";
import { parseEvent } from "../../lib/evidence/aws/parse.ts";
import { continuedOf, ownMessage } from "../../lib/wire/own-events.ts";
import { service, tokenOf } from "../app/service.ts";
import { RECEIVED, SAYING } from "../evidence/aws/bus.ts";
import { LONG, RUNS } from "./runs.ts";
import { broken, text } from "./texts.ts";

describe("credentials", async () => {
  const app = service();
  const claims = await tokenOf(app, "etl");
  const good = await sign(app, "token", claims);

  test("only what was signed is good", LONG, async () => {
    const shown = fc.oneof(
      text,
      broken(good),
      broken(`Bearer ${good}`).map((all) => all.replace(/^Bearer /, "")),
    );
    await fc.assert(
      fc.asyncProperty(shown, async (credential) => {
        const verified = await verify(app, "token", `Bearer ${credential}`, "etl");
        expect(verified.ok).toBe(credential.trimStart() === good);
      }),
      RUNS,
    );
  });
});

describe("messages", () => {
  const events = fc.oneof(
    fc.jsonValue({ depthSize: "medium" }),
    fc.constantFrom(...SAYING).chain((event) => broken(JSON.stringify(event)).map(parsed)),
    fc.record({ source: fc.constant("lastbeat"), "detail-type": text, id: text, detail: fc.jsonValue() }),
    fc.record({
      source: fc.constant("lastbeat"),
      "detail-type": fc.constantFrom("Lastbeat Attempt Notice", "Lastbeat Notice Continued", "Lastbeat Host Drain"),
      id: text,
      detail: fc.dictionary(
        fc.constantFrom("run", "host", "evidence", "seenUpTo", "fence", "at", "kind"),
        fc.jsonValue(),
      ),
    }),
  );

  test("of any kind are understood, or are said not to be", LONG, () => {
    fc.assert(
      fc.property(events, (event) => {
        const own = ownMessage(event);
        if (own?.["detail-type"] === "Lastbeat Notice Continued") continuedOf(own.detail);
        expect(["notices", "ignored", "unknown"]).toContain(parseEvent(event, RECEIVED).kind);
      }),
      RUNS,
    );
  });
});

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

describe("the command line", () => {
  beforeEach(() => {
    vi.stubEnv("LASTBEAT_URL", "");
    vi.stubEnv("LASTBEAT_STACK", "");
    vi.spyOn(console, "error").mockImplementation(() => {});
    vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  // Those that go on until they are ended, or ask AWS, are left out.
  const command = fc.constantFrom(
    "register",
    "runs",
    "show",
    "cancel",
    "requeue",
    "drain",
    "cost",
    "help",
    "completion",
    "--version",
  );
  const flag = fc.constantFrom(
    "--json",
    "--ticket",
    "--lease",
    "--spec",
    "--runs",
    "--help",
    "--",
    "-x",
    "--beat",
    "--since",
    "--reason",
  );
  const words = fc.array(fc.oneof(flag, text, fc.integer().map(String)), { maxLength: 6 });

  test("of any kind is carried out, or refused with a reason", LONG, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          command,
          text.filter((name) => !/^(dev|exec|watch|doctor|drill|redrive|destroy)$/.test(name)),
        ),
        words,
        async (name, rest) => {
          vi.mocked(console.error).mockClear();
          const code = await main([name, ...rest]);
          expect([0, 1, 2]).toContain(code);
          if (code !== 0) expect(vi.mocked(console.error).mock.calls[0]?.[0]).toMatch(/^lastbeat: ./);
        },
      ),
      RUNS,
    );
  });
});

describe("answers of a server that is not ours", () => {
  test("lead to nothing but a try again, or an end", LONG, () => {
    const status = fc.integer({ min: 100, max: 599 });
    fc.assert(
      fc.property(status, fc.jsonValue(), (code, body) => {
        for (const isExpected of [isClaimBody, isBeatBody, isFinishBody])
          expect(typeof interpret(code, body, isExpected).kind).toBe("string");
      }),
      RUNS,
    );
  });
});

describe("signing keys", () => {
  const SECRET = "never-shown-".repeat(4);

  test.each([
    ["of the secret", storedKeys],
    ["of the environment", keysOf],
  ])("%s are read, or refused without being shown", LONG, (_, parse) => {
    const shapes = fc.oneof(
      text,
      fc.json(),
      broken(JSON.stringify({ keys: [{ id: "a", secret: SECRET, signsFrom: "" }] })),
      broken(`k1:${SECRET}`),
    );
    fc.assert(
      fc.property(shapes, (given) => {
        try {
          expect(parse(given).length).toBeGreaterThan(0);
        } catch (error) {
          expect(String(error)).not.toContain("never-shown-never");
        }
      }),
      RUNS,
    );
  });
});
