import { readdirSync, readFileSync } from "node:fs";
import { parse } from "@cdktf/hcl2json";
import { describe, expect, test } from "vitest";
import { OUTPUTS } from "../../lib/names.ts";

/** The AWS provider is not here, so what is checked is the syntax, and that the module and the template know each other. */
const FOLDER = new URL("../../cdk/terraform/", import.meta.url);

type Blocks = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Module = {
  readonly variable?: Blocks;
  readonly output?: Readonly<Record<string, readonly { readonly value: string }[]>>;
  readonly resource?: Readonly<Record<string, Blocks>>;
};

const FILES = readdirSync(FOLDER).filter((file) => file.endsWith(".tf"));
const TEXTS = FILES.map((file) => readFileSync(new URL(file, FOLDER), "utf8"));
const MODULES = (await Promise.all(FILES.map((file, n) => parse(file, TEXTS[n] ?? "")))) as readonly Module[];

describe("the module for Terraform", () => {
  test("can be read, file by file", () => {
    expect(FILES).toEqual(["main.tf", "outputs.tf", "variables.tf"]);
  });

  test("uses each variable that it declares, and no other", () => {
    const declared = MODULES.flatMap(({ variable = {} }) => Object.keys(variable)).sort();
    const used = TEXTS.flatMap((text) => [...text.matchAll(/\bvar\.(\w+)/g)].map(([, name]) => name));
    expect([...new Set(used)].sort()).toEqual(declared);
  });

  test("gives the template its parameters", () => {
    const template = readFileSync(new URL("../../scripts/template.ts", import.meta.url), "utf8");
    const wanted = [...template.matchAll(/^ {2}(Assets\w+): \{ Type/gm)].map(([, name]) => name);
    expect(wanted).toHaveLength(2);
    const stack = MODULES.flatMap(({ resource }) => Object.values(resource?.["aws_cloudformation_stack"] ?? {})).flat();
    const [{ parameters = {} } = {}] = stack as readonly { readonly parameters?: object }[];
    expect(Object.keys(parameters)).toEqual(wanted);
  });

  test("tells outputs that the stack has", () => {
    const told = MODULES.flatMap(({ output = {} }) => Object.values(output).flat()).flatMap(({ value }) =>
      [...value.matchAll(/outputs\["(\w+)"\]/g)].map(([, name]) => name),
    );
    expect(told).toHaveLength(2);
    expect(Object.values(OUTPUTS)).toEqual(expect.arrayContaining(told));
  });
});
