import { part } from "./part.mjs";

// On a busy host any mutant may be slow for a while: one that is noticed by that alone would hide what no test notices.
export default part("core", ["lib/core/**/*.ts"], { timeoutMS: 30_000 });
