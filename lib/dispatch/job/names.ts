import { digest } from "../../digest.ts";

/** A name of Kubernetes has at most 63 letters; a Job with indexes needs some of them for its pods. */
const SLUG = 36;

const slugOf = (run: string): string =>
  run
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, SLUG)
    .replace(/-+$/, "");

/** Eight letters and digits that tell run ids with the same slug apart. */
const tagOf = (run: string): string =>
  digest(run)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "0")
    .slice(0, 8);

/**
 * The name of the Job of one attempt, and of its Secret. It is the same for every copy of the message, so only one Job
 * is made: a second one meets it, and finds its own labels on it.
 */
export const jobName = (run: string, attempt: number): string => {
  const slug = slugOf(run);
  return `lb-${slug === "" ? "" : `${slug}-`}${tagOf(run)}-a${attempt}`;
};

/** The id of the run as the value of a label: itself where it fits, else a name for it. */
export const runLabel = (run: string): string =>
  /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(run) ? run : `${slugOf(run)}-${tagOf(run)}`.replace(/^-/, "");
