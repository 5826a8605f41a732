declare module "dynalite" {
  import type { Server } from "node:http";

  /** `path`: a LevelDB folder; without it all is in memory. */
  export default function dynalite(options: { path?: string; createTableMs?: number }): Server;
}
