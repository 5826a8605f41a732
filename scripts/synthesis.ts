import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `npx cdk synth` as somebody runs it who has no account: whatever is set for AWS stays out. */
const folder = mkdtempSync(join(tmpdir(), "lastbeat-synthesis-"));
try {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_")));
  execFileSync("cdk", ["synth", "--quiet", "--output", folder], {
    env: { ...env, HOME: folder, CDK_DISABLE_CLI_TELEMETRY: "true" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const template = readFileSync(join(folder, "Lastbeat.template.json"), "utf8");
  const { Resources } = JSON.parse(template) as { Resources: object };
  console.log(`${Object.keys(Resources).length} resources`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
