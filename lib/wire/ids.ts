/** Run ids. One path segment, no dots: credentials are joined by dots. */
export const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** What a runner stands on: an EC2 instance id, a node's name, any name. */
export const HOST = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
