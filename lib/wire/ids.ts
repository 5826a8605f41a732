/** Run ids. One path segment, no dots: credentials are joined by dots. */
export const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** What a runner stands on: an EC2 instance id, a node's name, any name. */
export const HOST = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;

/**
 * A host as one segment of a path: `~` stands for `/`, and neither needs an escape. An HTTP API decodes `%2F` before a Lambda sees
 * the path, so that the host would be several segments.
 */
export const HOST_SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$/;

export const hostSegment = (host: string): string => encodeURIComponent(host.replaceAll("/", "~"));

/** The host of a segment. Of escapes it knows the two that a host may need; any other stays, and is refused: IAM may compare what was sent. */
export const hostOfSegment = (segment: string): string => segment.replaceAll(/%2F|~/gi, "/").replaceAll(/%3A/gi, ":");
