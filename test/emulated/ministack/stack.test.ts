import { afterAll, expect, test } from "vitest";
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
import { NOBODY } from "../wiretap.ts";
import { describeFrontDoor } from "./front-door.ts";
import { startMiniStack } from "./ministack.ts";

const here = await stage(startMiniStack, { frontDoors: "http-api,rest-api", observability: "full" });
afterAll(() => here.stop());

describeFrontDoor(here);

// These are told at the same time.
describeRuns(here);
describeEvents(here);
describeKeys(here);
describeMachines(here);

describeUpdate(here);
describeAccount(here, { buses: false, keys: false });
describePlainTemplate(here);
describeDeadLetters(here);
describeRemoval(here);
describeRestoring(here);
describeOperating(here, { problems: ["deletion protection"], warnings: ["trail"] });
describeGrants(here);

test("no Lambda was refused anything by IAM", () => {
  expect(here.here.wiretap.heard.filter(({ by, status }) => by !== NOBODY && status === 403)).toEqual([]);
});
