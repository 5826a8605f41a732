import { afterAll } from "vitest";
import { describeAccount } from "../stories/account.ts";
import { describeDeadLetters } from "../stories/dead-letters.ts";
import { describeEvents } from "../stories/events.ts";
import { describeGrants } from "../stories/grants.ts";
import { describeKeys } from "../stories/keys.ts";
import { describeMachines } from "../stories/machines.ts";
import { describeOperating } from "../stories/operating.ts";
import { describePlainTemplate } from "../stories/plain-template.ts";
import { describeRestoring } from "../stories/restoring.ts";
import { describeRemoval, describeRuns } from "../stories/runs.ts";
import { stage } from "../stories/stage.ts";
import { describeUpdate } from "../stories/update.ts";
import { startLocalStack } from "./localstack.ts";
import { describeRules } from "./rules.ts";

const here = await stage(startLocalStack, {});
afterAll(() => here.stop());

// These are told at the same time.
describeRuns(here);
describeEvents(here);
describeKeys(here);
describeMachines(here);
describeRules(here);

describeUpdate(here);
describeAccount(here, { buses: true, keys: true });
describePlainTemplate(here);
describeDeadLetters(here);
describeRemoval(here);
describeRestoring(here);
describeOperating(here, { problems: ["deletion protection", "trail"], warnings: [] });
describeGrants(here);
