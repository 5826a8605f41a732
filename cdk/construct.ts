/** The exports of `lastbeat/cdk`, for an app of your own. */
export { LastbeatForwarder } from "./forwarder.ts";
export { Lastbeat } from "./lastbeat.ts";
export type { FrontDoorKind, LastbeatProps } from "./settings.ts";
export { LastbeatStack } from "./stack.ts";
