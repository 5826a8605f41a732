import { afterAll } from "vitest";
import { engineAt, queuesAt } from "../../contract/engines.ts";
import { describePorts, dynamoPorts } from "../../contract/ports.ts";
import { describeQueues } from "../../contract/queues.ts";
import { startLocalStack } from "./localstack.ts";

const emulator = await startLocalStack("http://127.0.0.1:9");
afterAll(() => emulator.stop());

describePorts("LocalStack", dynamoPorts(engineAt(emulator.endpoint)));
describeQueues("LocalStack", await queuesAt(emulator.endpoint));
