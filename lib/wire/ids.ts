/**
 * Run ids, as orchestrators have them: `manual__2026-11-27T00:00:00+00:00` of Airflow, `model.shop.orders` of dbt,
 * `shop/deploy/17`. Each part between slashes begins with a letter or digit, so no part is `..` where an id becomes a
 * path.
 */
export const ID = /^(?=.{1,128}$)[A-Za-z0-9][\w.:+-]*(?:\/[A-Za-z0-9][\w.:+-]*)*$/;

/** A host: an EC2 instance id, the name of a node, or any other name. */
export const HOST = /^[A-Za-z0-9][\w.:/-]{0,127}$/;

/** A label of DNS: the name of a cluster or a webhook in the settings, of a namespace, and of a Secret. */
export const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * An id and a host as one segment of a path. `~` stands for `/`, so nothing needs an escape. An HTTP API decodes `%2F`
 * before a Lambda sees the path, which would make several segments of the name.
 */
export const ID_SEGMENT = /^[A-Za-z0-9][\w.:+~-]{0,127}$/;
export const HOST_SEGMENT = /^[A-Za-z0-9][\w.:~-]{0,127}$/;

export const segmentOf = (name: string): string => encodeURIComponent(name.replaceAll("/", "~"));

/**
 * The id or host of a segment. It decodes only the escapes that a name may need. Any other escape stays, and is
 * refused, because IAM may compare the path as it was sent.
 */
export const nameOf = (segment: string): string =>
  segment.replaceAll("~", "/").replaceAll(/%(2F|3A|2B)/gi, decodeURIComponent);
