import { describe, expect, test } from "vitest";
import { isSigned, placeOf, stackOf, urlsOf } from "../../lib/cli/target.ts";

const BOTH = { LASTBEAT_URL: "https://env", LASTBEAT_STACK: "env" };

describe("where the API is", () => {
  test.each([
    ["--url before everything", { url: "https://flag" }, BOTH, { url: "https://flag", stack: undefined }],
    ["--stack before the environment", { stack: "flag" }, BOTH, { url: undefined, stack: "flag" }],
    ["LASTBEAT_URL before LASTBEAT_STACK", {}, BOTH, { url: "https://env", stack: undefined }],
    ["LASTBEAT_STACK when nothing else is said", {}, { LASTBEAT_STACK: "env" }, { url: undefined, stack: "env" }],
    ["nothing, which is the embedded server", {}, { LASTBEAT_URL: " " }, { url: undefined, stack: undefined }],
    [
      "both flags, for another front door of that stack",
      { url: "https://flag", stack: "flag" },
      BOTH,
      { url: "https://flag", stack: "flag" },
    ],
  ])("is said by %s", (_, flags, environment, place) => {
    expect(placeOf(flags, environment)).toEqual(place);
  });

  test("is not said by a flag without a value", () => {
    expect(() => placeOf({ stack: "" }, BOTH)).toThrow("--stack takes a value");
  });

  test("is never a stack for an agent", () => {
    expect(urlsOf({}, { LASTBEAT_STACK: "env" })).toBe("http://127.0.0.1:8787");
    expect(urlsOf({}, BOTH)).toBe("https://env");
  });
});

describe("a command about a deployment", () => {
  test("takes its stack from the flag, else from the environment, also beside LASTBEAT_URL", () => {
    expect(stackOf("doctor", { stack: "flag" }, BOTH)).toEqual({ stack: "flag", url: undefined });
    expect(stackOf("doctor", { url: "https://flag" }, BOTH)).toEqual({ stack: "env", url: "https://flag" });
  });

  test("says that it needs one", () => {
    expect(() => stackOf("redrive", {}, { LASTBEAT_URL: "https://env" })).toThrow(
      "lastbeat redrive needs a stack: name it with --stack, or in LASTBEAT_STACK",
    );
  });
});

describe("owner calls", () => {
  test.each([
    ["http://127.0.0.1:8787", false, undefined, false],
    ["http://localhost:8787", false, undefined, false],
    ["http://[::1]:8787", false, undefined, false],
    ["http://127.0.0.1:4566/_aws/execute-api/abc", true, undefined, true],
    ["http://127.0.0.1:8787", false, "always", true],
    ["https://abc.execute-api.eu-west-1.amazonaws.com", false, undefined, true],
    ["https://127.0.0.1.example.com", false, undefined, true],
    ["https://lastbeat.example.com", false, "never", false],
    ["https://lastbeat.example.com", true, "never", false],
  ])("to %s (stack named: %s, LASTBEAT_SIGN: %s) are signed: %s", (url, isStackNamed, mode, signed) => {
    expect(isSigned(url, isStackNamed, mode)).toBe(signed);
  });

  test("are not signed in a way that nobody knows", () => {
    expect(() => isSigned("https://a.example", false, "yes")).toThrow("LASTBEAT_SIGN must be auto, always or never");
  });
});
