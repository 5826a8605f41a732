import { afterAll } from "vitest";
import { startQueues } from "./engines.ts";
import { describeQueues } from "./queues.ts";

const queues = await startQueues();
afterAll(() => queues.stop());

describeQueues("fauxqs", queues);
