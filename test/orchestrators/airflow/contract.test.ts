import { afterAll, beforeAll } from "vitest";
import { describeAirflow } from "../../dispatch/airflow/stage.ts";
import { type Airflow, realStage, startAirflow } from "./server.ts";

let airflow: Airflow;
beforeAll(async () => {
  airflow = await startAirflow();
});
afterAll(() => airflow.stop());

describeAirflow("a real one", async () => realStage(airflow));
