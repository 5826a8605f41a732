import {
  CloudTrailClient,
  DescribeTrailsCommand,
  GetEventSelectorsCommand,
  type GetEventSelectorsCommandOutput,
  GetTrailStatusCommand,
  type Trail,
} from "@aws-sdk/client-cloudtrail";
import { clientSettings } from "../settings.ts";
import type { Check } from "./checks.ts";
import { ok, warning } from "./finding.ts";

/** Whether the trail logs management events, by basic or by advanced selectors. */
function isOfManagement({ EventSelectors = [], AdvancedEventSelectors = [] }: GetEventSelectorsCommandOutput): boolean {
  return (
    EventSelectors.some(({ IncludeManagementEvents }) => IncludeManagementEvents ?? true) ||
    AdvancedEventSelectors.some(({ FieldSelectors = [] }) =>
      FieldSelectors.some(({ Field, Equals = [] }) => Field === "eventCategory" && Equals.includes("Management")),
    )
  );
}

async function logs(client: CloudTrailClient, { TrailARN = "" }: Trail): Promise<boolean> {
  const { IsLogging = false } = await client.send(new GetTrailStatusCommand({ Name: TrailARN }));
  if (!IsLogging) return false;
  try {
    return isOfManagement(await client.send(new GetEventSelectorsCommand({ TrailName: TrailARN })));
  } catch {
    // A trail of another region or of the organization does not show its selectors. By default it logs these events.
    return true;
  }
}

const trail: Check = {
  name: "trail",
  needs: "cloudtrail:DescribeTrails and cloudtrail:GetTrailStatus",
  look: async ({ settings }) => {
    const client = new CloudTrailClient(clientSettings(settings));
    const { trailList = [] } = await client.send(new DescribeTrailsCommand({}));
    for (const each of trailList) {
      if (await logs(client, each)) return [ok("trail", `${each.Name ?? each.TrailARN} logs management events`)];
    }
    return [
      warning(
        "trail",
        "no CloudTrail trail logs management events here: late evidence of spot evictions (BidEvictedEvent) does not arrive, and their charges stay with losses",
        "create a trail for management events; the first one is free",
      ),
    ];
  },
};

export const TRAIL_CHECKS: readonly Check[] = [trail];
