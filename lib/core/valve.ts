import { after, type Instant, seconds } from "./time.ts";

/**
 * No verdict waits for longer than this beyond its own lease: what is silent then is judged, whosever fault it is. A lost
 * front door would otherwise keep dead runs running for ever. It counts for each run from its own last beat, so every outage
 * has its quarter of an hour, however soon it follows another one.
 */
export const VALVE = seconds(15 * 60);

/** When the verdict on a run goes on at the latest. */
export const valveOpens = ({ due }: { readonly due: Instant }): Instant => after(due, VALVE);
