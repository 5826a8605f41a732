import { expect, test } from "vitest";
import { keysOf } from "../../lambdas/variables.ts";

const secret = Buffer.alloc(32, 7).toString("base64url");

test("the keys of the environment are read, the newest first", () => {
  expect(keysOf(`new:${secret},old:${secret}`).map(({ id }) => id)).toEqual(["new", "old"]);
  expect(keysOf(`new:${secret}`)[0].secret).toEqual(Buffer.alloc(32, 7));
});

test.each([
  ["nothing", ""],
  ["no secret", "new"],
  ["a secret of fewer than 256 bits", `new:${secret.slice(0, 40)}`],
  ["an id that cannot stand in a credential", `n.w:${secret}`],
])("%s is refused, and the error does not show the secret", (_, value) => {
  expect(() => keysOf(value)).toThrow("key 1 of LASTBEAT_KEYS must be <id>:<base64url of at least 32 bytes>");
  expect(() => keysOf(`new:${secret},${value}`)).toThrow("key 2 of LASTBEAT_KEYS");
});
