import { baseOf, isAddress } from "../../wire/base.ts";
import { whyFetchFailed } from "../../wire/fetch-failure.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

/** A front door answers in milliseconds, or in two seconds after a cold start. The function behind it may take ten. */
const TIMEOUT_MS = 12_000;

/** Synchronized clocks differ by less, even with the Date header cut to whole seconds. */
const WARN_MS = 5_000;
const BAD_MS = 60_000;

const FIX_ADDRESS = "check that the address is the stack's output Url, and that this network reaches it";

/** How far the clock here is ahead of the front door's, as a finding. Instants are Unix milliseconds. */
function skew(date: string | null, sent: number, received: number): Finding {
  const theirs = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs))
    return warning("clock", "the front door's answer has no date", "compare this machine's clock with another one");
  // The header is cut to whole seconds, so half a second is the best guess. The answer was written half way.
  const ahead = (sent + received) / 2 - (theirs + 500);
  const off = Math.abs(ahead);
  const said = `the clock here is ${Math.round(off / 1000)} s ${ahead > 0 ? "ahead of" : "behind"} the front door's`;
  if (off <= WARN_MS) return ok("clock", said);
  const why = "signatures that are 5 min off are refused, and leases count by the service's clock";
  return (off > BAD_MS ? problem : warning)(
    "clock",
    `${said}: ${why}`,
    "synchronize this clock, for example with chrony",
  );
}

/** Whether a front door answers, and how far its clock is from the one here. `clock` gives Unix milliseconds. */
export async function frontDoor(url: string, clock: () => number): Promise<readonly Finding[]> {
  const check = "front door";
  if (!isAddress(url))
    return [
      problem(
        check,
        `"${url}" is not an address`,
        "write it as https://HOST, with the path of its stage if it has one",
      ),
    ];
  const base = baseOf(url);
  const sent = clock();
  try {
    const response = await fetch(`${base}/healthz`, { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const received = clock();
    const text = await response.text();
    const found =
      response.status === 200 && isHealthy(text)
        ? ok(check, `${base} answers in ${Math.round(received - sent)} ms`)
        : problem(
            check,
            `${base}/healthz answered ${response.status}, which is not an answer of Lastbeat`,
            FIX_ADDRESS,
          );
    return [found, skew(response.headers.get("date"), sent, received)];
  } catch (error) {
    return [problem(check, `nothing answers at ${base}: ${whyFetchFailed(error)}`, FIX_ADDRESS)];
  }
}

/** Whether the answer is Lastbeat's. Anything else at that address, such as a login page, answers differently. */
function isHealthy(text: string): boolean {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && "ok" in body && body.ok === true;
  } catch {
    return false;
  }
}
