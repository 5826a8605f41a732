import * as z from "zod/mini";
import { DNS_LABEL } from "./ids.ts";

/** Where a Job is made if its target names no namespace. */
export const DEFAULT_NAMESPACE = "default";

/** The digest of a template (lib/digest.ts). */
const DIGEST = /^[A-Za-z0-9_-]{22}$/;
/** A quantity of Kubernetes: `500m`, `2`, `8Gi`. */
const QUANTITY = /^\d{1,12}(\.\d{1,3})?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/;
/** A run that needs more than this is not helped by a larger size. */
const MOST_SIZES = 8;

const dns = () => z.string().check(z.regex(DNS_LABEL, { error: "is not a name of lower-case letters, digits and -" }));
const quantity = () => z.exactOptional(z.string().check(z.regex(QUANTITY, { error: "is not a quantity such as 8Gi" })));

/** One Job of Kubernetes for each attempt. `template`: a Job, a pod or a pod template; or the digest of one that is stored. */
const job = z.strictObject({
  kind: z.literal("job"),
  cluster: z.string().check(z.minLength(1), z.maxLength(100)),
  namespace: z.exactOptional(dns()),
  template: z.union([
    z.record(z.string(), z.unknown()),
    z.string().check(z.regex(DIGEST, { error: "is not the digest of a template" })),
  ]),
  minFence: z.exactOptional(z.enum(["lease", "pod"])),
  agent: z.exactOptional(z.enum(["exec", "sidecar", "image", "none"])),
  sizes: z.exactOptional(
    z
      .array(
        z.strictObject({
          cpu: quantity(),
          memory: quantity(),
          nodeSelector: z.exactOptional(z.record(z.string(), z.string().check(z.maxLength(63)))),
        }),
      )
      .check(z.maxLength(MOST_SIZES)),
  ),
});

/** Each attempt is told to an address of the deployment. */
const webhook = z.strictObject({ kind: z.literal("webhook"), name: dns() });

/** A flow run of a server of the deployment. */
const prefect = z.strictObject({ kind: z.literal("prefect"), name: dns(), flowRun: z.uuid() });

/** An id of Airflow: 250 letters at most, as its database has them. */
const airflowId = () => z.string().check(z.minLength(1), z.maxLength(250));

/** A task instance of a server of the deployment. */
const airflow = z.strictObject({
  kind: z.literal("airflow"),
  name: dns(),
  dag: airflowId(),
  dagRun: airflowId(),
  task: airflowId(),
  mapIndex: z.exactOptional(z.int().check(z.minimum(0))),
});

export const target = z.discriminatedUnion(
  "kind",
  [z.strictObject({ kind: z.literal("queue") }), job, webhook, prefect, airflow],
  { error: "must be queue, job, webhook, prefect or airflow" },
);
export type TargetBody = z.infer<typeof target>;
