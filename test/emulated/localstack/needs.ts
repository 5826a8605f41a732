import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { obstacle } from "../../contract/dynamodb-local.ts";

/** LocalStack 4.14.0 says that it runs on older ones, and does not; newer ones lack packages that it is pinned to. */
const VERSION = "3.13";
const IS_IT = `import sys, ensurepip, venv; sys.exit("%d.%d" % sys.version_info[:2] != "${VERSION}")`;

/** Where a Python may be: on the path, or kept by pyenv, whose shims refuse a version that is not the chosen one. */
function candidates(): readonly string[] {
  const versions = join(process.env["PYENV_ROOT"] ?? join(homedir(), ".pyenv"), "versions");
  const kept = existsSync(versions) ? readdirSync(versions).filter((name) => name.startsWith(`${VERSION}.`)) : [];
  return [`python${VERSION}`, "python3", ...kept.map((name) => join(versions, name, "bin/python3"))];
}

function isIt(python: string): boolean {
  try {
    execFileSync(python, ["-c", IS_IT], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What a LocalStack of our own needs of this machine; throws with what is missing. */
export function needs(): { readonly python: string } {
  const missing = obstacle();
  const python = candidates().find(isIt);
  if (python !== undefined && missing === undefined) return { python };
  const reasons = [
    ...(python === undefined ? [`no Python ${VERSION} with venv is found`] : []),
    ...(missing === undefined ? [] : [missing]),
  ];
  throw new Error(
    `LocalStack needs Python ${VERSION}, and a JDK of version 17 or later for DynamoDB Local: ${reasons.join("; ")}. ` +
      "Install them, or start a LocalStack yourself and set AWS_ENDPOINT_URL to it.",
  );
}

// `node test/emulated/localstack/needs.ts` says what is missing here, if anything is; a LocalStack that is given needs nothing.
if (import.meta.main && (process.env["AWS_ENDPOINT_URL"] ?? "") === "") {
  try {
    needs();
  } catch (error) {
    console.log((error as Error).message);
  }
}
