import { afterAll, beforeAll } from "vitest";
import { after, instant, seconds } from "../../../lib/core/time.ts";
import { playedPrefect } from "../../dispatch/prefect/played.ts";
import { describePrefect } from "../../dispatch/prefect/stage.ts";
import { describeStarter } from "../../dispatch/starter-suite.ts";
import { type Prefect, realStage, startPrefect } from "./server.ts";

let prefect: Prefect;
beforeAll(async () => {
  prefect = await startPrefect();
});
afterAll(() => prefect.stop());

describePrefect("a real one", async () => realStage(prefect));
// Its clock is that of the server, and ours is ahead: nobody waits for the second report of a worker.
describeStarter("a flow run of a real Prefect", () =>
  playedPrefect(realStage(prefect), () => after(instant(Date.now()), seconds(15))),
);
