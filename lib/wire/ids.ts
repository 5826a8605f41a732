/**
 * Run ids, as orchestrators have them: `manual__2026-11-27T00:00:00+00:00` of Airflow, `model.shop.orders` of dbt, `shop/deploy/17`.
 * Each part between slashes begins with a letter or digit, so that none of them is `..` where an id becomes a path.
 */
export const ID = /^(?=.{1,128}$)[A-Za-z0-9][\w.:+-]*(?:\/[A-Za-z0-9][\w.:+-]*)*$/;

/** What a runner stands on: an EC2 instance id, a node's name, any name. */
export const HOST = /^[A-Za-z0-9][\w.:/-]{0,127}$/;

/**
 * An id and a host as one segment of a path: `~` stands for `/`, and none needs an escape. An HTTP API decodes `%2F` before a Lambda
 * sees the path, so that the name would be several segments.
 */
export const ID_SEGMENT = /^[A-Za-z0-9][\w.:+~-]{0,127}$/;
export const HOST_SEGMENT = /^[A-Za-z0-9][\w.:~-]{0,127}$/;

export const segmentOf = (name: string): string => encodeURIComponent(name.replaceAll("/", "~"));

/** The id or host of a segment. Of escapes it knows those that one may need; any other stays, and is refused: IAM may compare what was sent. */
export const nameOf = (segment: string): string =>
  segment.replaceAll("~", "/").replaceAll(/%(2F|3A|2B)/gi, decodeURIComponent);
