import { describe, expect, test } from "vitest";
import { inUse, type StoredKey, secretKeys, secretText, storedKeys } from "../../../lib/adapters/aws/keys.ts";
import { rotated } from "../../../lib/adapters/aws/rotation.ts";
import { after, type Instant, instant, seconds } from "../../../lib/core/time.ts";

const at = (time: string): Instant => instant(Date.parse(`2026-11-22T${time}Z`));
const stored = (id: string, signsFrom: Instant): StoredKey => ({
  id,
  secret: Buffer.alloc(32, id.charCodeAt(0)),
  signsFrom,
});
const ids = (keys: readonly { readonly id: string }[]): readonly string[] => keys.map(({ id }) => id);

describe("the text of the secret", () => {
  test("reads back as it was written, the newest key first", () => {
    const keys = [stored("old", at("10:00:00")), stored("new", at("12:00:00"))];
    expect(storedKeys(secretText(keys))).toEqual([keys[1], keys[0]]);
  });

  test("is at first what CloudFormation made up: one key, that signs at once", () => {
    const [key] = storedKeys(JSON.stringify({ initial: "x".repeat(64) }));
    expect(key).toEqual({ id: "initial", secret: Buffer.from("x".repeat(64)), signsFrom: 0 });
  });

  test.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["null", "null"],
    ["no keys", "{}"],
    ["an empty list", '{"keys": []}'],
    [
      "too short a secret",
      JSON.stringify({ keys: [{ id: "a", secret: "c2hvcnQ", signsFrom: "2026-11-22T00:00:00Z" }] }),
    ],
    ["too short a first secret", '{"initial": "hush-hush"}'],
    ["an instant that is none", secretText([stored("a", at("12:00:00"))]).replace("2026", "someday")],
    ["an id that cannot stand in a credential", secretText([stored("a.b", at("12:00:00"))])],
  ])("is refused when it is %s, and the error does not show it", (_, text) => {
    expect(() => storedKeys(text)).toThrow(/^the secret of the signing keys/);
    expect(() => storedKeys(text)).not.toThrow(/hush|c2hvcnQ/);
  });
});

describe("the key that signs", () => {
  const keys = [stored("new", at("12:00:00")), stored("old", at("10:00:00"))] as const;

  test("is the newest one whose time has come, and all others are accepted", () => {
    expect(ids(inUse([...keys], at("11:59:59.999")))).toEqual(["old", "new"]);
    expect(ids(inUse([...keys], at("12:00:00")))).toEqual(["new", "old"]);
  });

  test("is the newest one when the time of none has come", () => {
    expect(ids(inUse([...keys], at("09:00:00")))).toEqual(["new", "old"]);
  });
});

describe("a rotation", () => {
  const secret = Buffer.alloc(32, 9);

  test("adds a key that signs a day later, and keeps the one that signs by now, and no other", () => {
    const before = [stored("b", at("10:00:00")), stored("a", at("09:00:00"))] as const;
    expect(rotated([...before], at("12:00:00"), "c", secret)).toEqual([
      { id: "c", secret, signsFrom: after(at("12:00:00"), seconds(86400)) },
      before[0],
    ]);
  });

  test("is refused while the last one is not over, because it would drop the key that signs", () => {
    const before = [stored("b", at("12:00:00.001")), stored("a", at("09:00:00"))] as const;
    expect(() => rotated([...before], at("12:00:00"), "c", secret)).toThrow("the last rotation is not over");
  });
});

describe("the keys of Secrets Manager", () => {
  /** A secret whose text the test sets; `undefined` cannot be read. */
  function secretWith(first: string) {
    const it = { text: first as string | undefined, reads: 0, time: at("12:00:00") };
    const read = async () => {
      it.reads += 1;
      if (it.text === undefined) throw new Error("Secrets Manager is away");
      return it.text;
    };
    return { it, keys: secretKeys(read, { now: () => it.time }) };
  }
  const text = (...all: readonly string[]): string => secretText(all.map((id) => stored(id, at("10:00:00"))));

  test("are read once in 15 minutes, and again after that", async () => {
    const { it, keys } = secretWith(text("a"));
    await keys.all();
    it.text = text("b");
    it.time = at("12:14:59.999");
    expect(ids(await keys.all())).toEqual(["a"]);
    it.time = at("12:15:00");
    expect(ids(await keys.all())).toEqual(["b"]);
    expect(it.reads).toBe(2);
  });

  test("stay good while the secret cannot be read, which is tried once in 15 minutes", async () => {
    const { it, keys } = secretWith(text("a"));
    await keys.all();
    it.text = undefined;
    it.time = at("12:20:00");
    expect(ids(await keys.all())).toEqual(["a"]);
    expect(ids(await keys.all())).toEqual(["a"]);
    expect(it.reads).toBe(2);
    it.text = text("b");
    it.time = at("12:35:00");
    expect(ids(await keys.all())).toEqual(["b"]);
  });

  test("that were never read are an error, and the next request tries again", async () => {
    const { it, keys } = secretWith(text("a"));
    it.text = undefined;
    await expect(keys.all()).rejects.toThrow("Secrets Manager is away");
    it.text = text("a");
    expect(ids(await keys.all())).toEqual(["a"]);
  });
});
