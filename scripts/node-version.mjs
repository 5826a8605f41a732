// Node 24 is a devDependency that comes by an install script. Where install scripts are switched off, npm scripts would
// run under the host's Node without a word, so each of them starts here. This file is JavaScript: an old Node reads it too.
const LEAST = 24;

if (Number(process.versions.node.split(".")[0]) < LEAST) {
  console.error(
    `Node ${LEAST} or later is needed, and this is ${process.versions.node}. Run "npm rebuild node --ignore-scripts=false".`,
  );
  process.exit(1);
}
console.log(`Node ${process.versions.node}`);
