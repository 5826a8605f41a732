import { after, type Instant, seconds } from "./time.ts";

/**
 * No verdict waits longer than this beyond its own lease. A run that is silent then is judged, no matter whose fault it
 * is. Otherwise the loss of the front door would keep dead runs running for ever. The time counts from each run's own
 * last beat, so every outage has its 15 minutes, however soon it follows another one.
 */
export const VALVE = seconds(15 * 60);

/** The latest instant to which the verdict on a run may wait. */
export const valveOpens = ({ due }: { readonly due: Instant }): Instant => after(due, VALVE);
