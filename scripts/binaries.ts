import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Builds the binary for each platform into dist/binaries: one npm package for each, which npm installs only where it runs, and the version
 * of this package. It needs Go. `--print` writes the optional dependencies that a release sets in package.json.
 */
const PLATFORMS = [
  { os: "linux", cpu: "x64", arch: "amd64" },
  { os: "linux", cpu: "arm64", arch: "arm64" },
  { os: "darwin", cpu: "x64", arch: "amd64" },
  { os: "darwin", cpu: "arm64", arch: "arm64" },
] as const;

type Package = { readonly version: string; readonly license: string };
const { version, license } = JSON.parse(readFileSync("package.json", "utf8")) as Package;
const names = PLATFORMS.map(({ os, cpu }) => `@lastbeat/agent-${os}-${cpu}`);

if (process.argv.includes("--print")) {
  console.log(JSON.stringify(Object.fromEntries(names.map((name) => [name, version]))));
  process.exit();
}
rmSync("dist/binaries", { recursive: true, force: true });
for (const { os, cpu, arch } of PLATFORMS) {
  const name = `agent-${os}-${cpu}`;
  const folder = join("dist/binaries", name);
  mkdirSync(folder, { recursive: true });
  const file = join(process.cwd(), folder, "lastbeat");
  const env = { ...process.env, GOOS: os, GOARCH: arch };
  execFileSync("sh", ["agents/go/build.sh", file, version], { env, stdio: "inherit" });
  copyFileSync("LICENSE", join(folder, "LICENSE"));
  const description = `The agent of Lastbeat for ${os} on ${cpu}`;
  const contents = {
    name: `@lastbeat/${name}`,
    version,
    description,
    license,
    os: [os],
    cpu: [cpu],
    files: ["lastbeat"],
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(contents, undefined, 2)}\n`);
  console.log(`${name}: ${statSync(file).size} bytes`);
}
