import { part } from "./part.mjs";

export default part("core", ["lib/core/**/*.ts"]);
