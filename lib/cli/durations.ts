const UNITS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** The seconds of a text such as 90, 90s, 1.5m, 2h or 1d; undefined for any other text. */
export function secondsOf(text: string): number | undefined {
  const [, number, unit = ""] = /^([+-]?\d+(?:\.\d+)?)(s|m|h|d)?$/.exec(text.trim()) ?? [];
  const factor = UNITS[unit];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}

/** A span for people, in its two largest units at most. */
export function spanText(milliseconds: number): string {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** How long ago. If the clock here is behind the server's, that is 0. */
export const age = (instant: string, now: number): string => spanText(Math.max(0, now - Date.parse(instant)));

export const ahead = (instant: string, now: number): string =>
  Date.parse(instant) >= now
    ? `in ${spanText(Date.parse(instant) - now)}`
    : `${spanText(now - Date.parse(instant))} overdue`;

/** The time of day, in UTC. */
export const clock = (instant: string): string => instant.slice("yyyy-mm-ddT".length, "yyyy-mm-ddThh:mm:ss".length);

export const day = (instant: string): string => instant.slice(0, "yyyy-mm-dd".length);
