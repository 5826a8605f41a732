import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { App, DefaultStackSynthesizer, type IStackSynthesizer, Tags } from "aws-cdk-lib";
import { zipSync } from "fflate";
import { contextOf } from "../cdk/context.ts";
import { LastbeatStack } from "../cdk/stack.ts";

/**
 * Writes the stack as a plain template of CloudFormation, with the zips of its Lambdas beside it, for those who deploy without the
 * CDK. `-c lastbeat:SETTING=VALUE` as for `cdk deploy`, `--out FOLDER`; dist/template otherwise.
 */
const { values } = parseArgs({
  options: { context: { type: "string", short: "c", multiple: true }, out: { type: "string" } },
});
const { context = [], out = "dist/template" } = values;

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type Resource = { readonly Type: string; readonly Properties?: Readonly<Record<string, Json>> };
type Template = Readonly<Record<string, Json>> & { readonly Resources: Readonly<Record<string, Resource>> };
type Assets = { readonly files: Readonly<Record<string, { readonly source: { readonly path: string } }>> };

/** Stands for the name of the stack until the template is written; it could be the name of one itself. */
const NAME = "LASTBEAT-STACK-NAME";

const PARAMETERS = {
  AssetsBucket: { Type: "String", Description: "The bucket, in this region, with the zips of this release" },
  AssetsPrefix: { Type: "String", Default: "", Description: "What their keys begin with: lastbeat/1.0.0/, or nothing" },
} as const;

/** The same file each time, so that the same code is the same zip. */
function zipOf(folder: string): Uint8Array {
  const files = readdirSync(folder).sort();
  const entries = files.map((file) => [file, new Uint8Array(readFileSync(join(folder, file)))] as const);
  return zipSync(Object.fromEntries(entries), { mtime: new Date("2026-01-01T00:00:00Z"), level: 9 });
}

/** Every text that names the stack, as a reference to its name. */
function named(value: Json): Json {
  if (typeof value === "string")
    return value.includes(NAME)
      ? // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own
        { "Fn::Sub": value.replaceAll("${", "${!").replaceAll(NAME, "${AWS::StackName}") }
      : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(named);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, named(each)]));
}

const folder = mkdtempSync(join(tmpdir(), "lastbeat-template-"));
try {
  const { context: flags } = JSON.parse(readFileSync("cdk.json", "utf8")) as { context: Record<string, unknown> };
  const given = context.map((each): [string, string] => {
    const at = each.indexOf("=");
    return [each.slice(0, at), each.slice(at + 1)];
  });
  const app = new App({ context: { ...flags, ...Object.fromEntries(given) }, outdir: folder });
  const { props, tags, stackName, forwardTo } = contextOf(app.node);
  if (stackName !== undefined || forwardTo !== undefined)
    throw new Error("the template is that of a stack whose name is given when it is created, and of no forwarder");
  for (const [key, value] of Object.entries(tags)) Tags.of(app).add(key, value);
  // The library's own types disagree.
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer;
  new LastbeatStack(app, "Lastbeat", { name: NAME, ...props, synthesizer });
  app.synth();
  const { files } = JSON.parse(readFileSync(join(folder, "Lastbeat.assets.json"), "utf8")) as Assets;
  const {
    Resources,
    Parameters: _,
    ...rest
  } = JSON.parse(readFileSync(join(folder, "Lastbeat.template.json"), "utf8")) as Template;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const lambdas = Object.entries(Resources).map(([id, resource]): [string, Resource] => {
    if (resource.Type !== "AWS::Lambda::Function" || resource.Properties === undefined) return [id, resource];
    const { S3Key } = resource.Properties["Code"] as { readonly S3Key: string };
    const source = files[S3Key.replace(/\.zip$/, "")];
    if (source === undefined) throw new Error(`${id} has no code in ${folder}`);
    const zip = zipOf(join(folder, source.source.path));
    const hash = createHash("sha256").update(zip).digest("hex").slice(0, 16);
    const file = `${/Lambdas(\w+?)Function/.exec(id)?.[1]}-${hash}.zip`;
    writeFileSync(join(out, file), zip);
    const Code = { S3Bucket: { Ref: "AssetsBucket" }, S3Key: { "Fn::Sub": `\${AssetsPrefix}${file}` } };
    return [id, { ...resource, Properties: { ...resource.Properties, Code } }];
  });
  const template = {
    ...(named(rest) as object),
    Parameters: PARAMETERS,
    Resources: named(Object.fromEntries(lambdas) as Json),
  };
  writeFileSync(join(out, "lastbeat.template.json"), JSON.stringify(template));
  console.log(`${lambdas.length} resources and ${readdirSync(out).length - 1} zips in ${out}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
