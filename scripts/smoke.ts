import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Packs the package, installs it into an empty folder, and uses it there: the tests run lib/ as it is, and only this sees
 * what is missing in dist/, in "files" or in "dependencies".
 */
const HERE = process.cwd();
const START_MS = 60_000; // The emulators start in 2 s; a busy machine with two cores has taken 10.
const STOP_MS = 15_000;

/** Without what npm run says about this folder, so that npm takes the other one for its own. The registry stays as it is. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_(package_|lifecycle_|config_local_prefix|config_prefix)/.test(name),
  ),
);

const run = (folder: string, file: string, ...args: string[]): string =>
  execFileSync(file, args, { cwd: folder, env: ENVIRONMENT, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** Resolves to the address that the server prints. */
function addressOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const giveUp = setTimeout(() => reject(new Error(`no address within ${START_MS} ms; it said: ${said}`)), START_MS);
    server.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (address === undefined) return;
      clearTimeout(giveUp);
      resolve(address);
    });
    server.once("exit", (code, signal) => {
      clearTimeout(giveUp);
      reject(new Error(`lastbeat dev ended with ${code ?? signal}; it said: ${said}`));
    });
  });
}

/** Resolves to the exit code, or to the signal that it took. */
function stop(server: ChildProcess): Promise<number | string | null> {
  if (server.exitCode !== null || server.signalCode !== null)
    return Promise.resolve(server.exitCode ?? server.signalCode);
  return new Promise((resolve) => {
    const kill = setTimeout(() => server.kill("SIGKILL"), STOP_MS);
    server.once("exit", (code, signal) => {
      clearTimeout(kill);
      resolve(code ?? signal);
    });
    server.kill("SIGTERM");
  });
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function install(folder: string): { bin: string; files: number } {
  // dist/ is built in prepack, which a user's ignore-scripts would leave out.
  run(HERE, "npm", "pack", "--silent", "--ignore-scripts=false", "--pack-destination", folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  const empty = join(folder, "empty");
  mkdirSync(empty);
  writeFileSync(join(empty, "package.json"), '{ "private": true }\n');
  run(empty, "npm", "install", "--silent", "--no-audit", "--no-fund", join(folder, tarball));
  const installed = join(empty, "node_modules/lastbeat");
  const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).length;
  return { bin: join(empty, "node_modules/.bin/lastbeat"), files };
}

/** With the package of this platform beside it, exec is the binary. A release builds that package; here a script stands in for it. */
function useBinary(bin: string, folder: string): void {
  const beside = join(folder, `node_modules/@lastbeat/agent-${process.platform}-${process.arch}`);
  mkdirSync(beside, { recursive: true });
  writeFileSync(join(beside, "package.json"), '{ "name": "stand-in" }\n');
  writeFileSync(join(beside, "lastbeat"), '#!/bin/sh\necho "stand-in $*"\n', { mode: 0o755 });
  const said = run(folder, bin, "exec", "--", "true");
  must(said === "stand-in exec -- true\n", `exec is not the binary beside it: ${said}`);
  rmSync(beside, { recursive: true });
}

async function serve(bin: string): Promise<void> {
  const server = spawn(process.execPath, [bin, "dev", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const address = await addressOf(server);
    const health = await fetch(`${address}/healthz`);
    must(health.status === 200, `GET /healthz answered ${health.status}: ${await health.text()}`);
  } finally {
    const end = await stop(server);
    console.log(`lastbeat dev ended with ${end}`);
    must(end === 0, "lastbeat dev must end by itself, and with 0");
  }
}

/** An app of somebody's own, in TypeScript, with the construct in it. */
const APP = `import { App, CfnOutput, Stack } from "aws-cdk-lib";
import { Lastbeat, type LastbeatProps } from "lastbeat/cdk";

const settings: LastbeatProps = { expectedRuns: 50, observability: "none" };
const app = new App({ outdir: "cdk.out" });
const stack = new Stack(app, "Mine");
const lastbeat: Lastbeat = new Lastbeat(stack, "Lastbeat", settings);
new CfnOutput(stack, "LastbeatUrl", { value: lastbeat.url });
app.synth();
`;

/** Compiles and synthesizes that app, beside the package and the CDK alone. */
function embed(folder: string): void {
  run(folder, "npm", "install", "--silent", "--no-audit", "--no-fund", "aws-cdk-lib@^2.276.0", "constructs@^10.8.0");
  writeFileSync(join(folder, "app.mts"), APP);
  const strict = ["--strict", "--module", "nodenext", "--target", "es2024", "--skipLibCheck", "--types", ""];
  run(folder, join(HERE, "node_modules/.bin/tsc"), ...strict, "app.mts");
  run(folder, process.execPath, "app.mjs");
  const { Resources } = JSON.parse(readFileSync(join(folder, "cdk.out/Mine.template.json"), "utf8")) as {
    Resources: object;
  };
  const count = Object.keys(Resources).length;
  must(count > 50, `the embedded construct made ${count} resources`);
  console.log(`${count} resources embedded`);
}

const folder = mkdtempSync(join(tmpdir(), "lastbeat-smoke-"));
try {
  const { bin, files } = install(folder);
  console.log(`${files} files installed`);
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const said = run(join(folder, "empty"), "npx", "--no", "--", "lastbeat", "--version").trim();
  must(said.startsWith(`${version} (exec: Node `), `lastbeat --version said "${said}" and not ${version}`);
  useBinary(bin, join(folder, "empty"));
  await serve(bin);
  embed(join(folder, "empty"));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
