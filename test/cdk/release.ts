import { writeFileSync } from "node:fs";
import { releaseOf } from "./irreplaceable.ts";
import { templateOf } from "./synthesis.ts";

/**
 * `node test/cdk/release.ts`, when a version is released: writes down what upgrades from it must not replace. Between
 * releases it would hide what breaks for those who have deployed the last one.
 */
const release = releaseOf(templateOf({ frontDoors: ["http-api", "rest-api"], beatUrl: true }));
const file = new URL("released.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(release, undefined, 2)}\n`);
console.log(`${Object.keys(release.resources).length} resources of ${release.version} must stay`);
