import { execFileSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";

/** Writes dist/types/, the types of `lastbeat/cdk`. There a module is named by what it is at run time. */
execFileSync("tsc", ["--project", "cdk"], { stdio: ["ignore", process.stderr, "inherit"] });
const files = globSync("dist/types/**/*.d.ts");
for (const file of files) writeFileSync(file, readFileSync(file, "utf8").replace(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
console.error(`wrote the types of ${files.length} modules`);
