import type { DescribeInstancesCommandOutput, EC2Client } from "@aws-sdk/client-ec2";
import { noticeOfInstance, type SeenInstance } from "../../evidence/aws/instance.ts";
import type { Machines } from "../../ports/machines.ts";

/** EC2 takes up to 200 values of a filter. A sweep asks about no more. */
const MOST_ASKED = 200;

const INSTANCE = /^i-[0-9a-f]{8,17}$/;

const instancesIn = ({ Reservations = [] }: DescribeInstancesCommandOutput): readonly SeenInstance[] =>
  Reservations.flatMap(({ Instances = [] }) => Instances).flatMap(({ InstanceId: id, State, StateReason }) =>
    id === undefined || State?.Name === undefined
      ? []
      : [
          {
            id,
            state: State.Name,
            ...(StateReason?.Code !== undefined && { reason: StateReason.Code }),
            ...(StateReason?.Message !== undefined && { words: StateReason.Message }),
          },
        ],
  );

/**
 * EC2 in the region of the deployment. Its client takes a megabyte, so it is loaded when the first beat is missed. A host
 * whose name is no id of an instance is not asked about.
 */
export function ec2Machines(): Machines {
  let client: EC2Client | undefined;
  return {
    ending: async (hosts, now) => {
      const ids = hosts.filter((host) => INSTANCE.test(host)).slice(0, MOST_ASKED);
      if (ids.length === 0) return [];
      const { DescribeInstancesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
      // What is not answered is asked again by the next sweep.
      client ??= new EC2Client({
        maxAttempts: 1,
        requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
      });
      // By a filter, because an id that EC2 does not know would be an error.
      const Filters = [
        { Name: "instance-id", Values: ids },
        { Name: "instance-state-name", Values: ["shutting-down", "terminated", "stopping", "stopped"] },
      ];
      const found = await client.send(new DescribeInstancesCommand({ Filters }));
      return instancesIn(found)
        .filter(({ id }) => ids.includes(id)) // an emulator may not know the filter
        .map((instance) => noticeOfInstance(instance, now))
        .filter((notice) => notice !== undefined);
    },
  };
}
