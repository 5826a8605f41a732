import type { App } from "../lib/app/app.ts";
import { drain } from "../lib/app/drain.ts";
import { inspect, listEnded, listLive, pauseNow } from "../lib/app/inspect.ts";
import { cancel, requeue } from "../lib/app/owner-requests.ts";
import { type Registered, register, ticketOf } from "../lib/app/register.ts";
import { accept, type JobsIn, type Targets } from "../lib/app/targets.ts";
import { JOB_LEASE } from "../lib/core/spec.ts";
import { wrongWith } from "../lib/dispatch/job/manifest.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import { freezeView } from "../lib/wire/freeze.ts";
import { fromIso, iso } from "../lib/wire/instants.ts";
import { problem } from "../lib/wire/problems.ts";
import { read } from "../lib/wire/read.ts";
import { type HttpReply, ownerReply, refused } from "../lib/wire/replies.ts";
import { endedView, recordView, runView } from "../lib/wire/run-view.ts";
import * as schemas from "../lib/wire/schemas.ts";
import { specOf } from "../lib/wire/spec.ts";
import { defaultLease, theApp, theTemplates } from "./connect.ts";
import { type Call, type Calls, type HttpHandler, httpHandler } from "./http.ts";

const unknown = (run: string): HttpReply => refused(problem("not-found", { detail: `there is no run ${run}` }));

function registered(registration: Registered, run: string): HttpReply {
  if (registration.kind === "run-exists")
    return refused(problem("run-exists", { detail: `run ${run} is registered with another spec; choose another id` }));
  if (registration.kind === "over") return { status: 200, body: endedView(registration.result) };
  const { run: current, ticket, isNew } = registration;
  const { state, attempt, fence } = current;
  if (current.state === "ended") return { status: 200, body: endedView(current) };
  return {
    status: isNew ? 201 : 200,
    body: {
      run,
      state,
      attempt,
      fence,
      ...(ticket !== undefined && { ticket }),
      ...(state === "queued" && { startBy: iso(current.due) }),
    },
  };
}

/** What a registration needs to know about targets. The embedded server may set its clusters after its start. */
const theTargets = (): Targets => ({
  templates: theTemplates(),
  clusters: JSON.parse(process.env[ENVIRONMENT.clusters] ?? "[]") as readonly JobsIn[],
  webhooks: (JSON.parse(process.env[ENVIRONMENT.webhooks] ?? "[]") as readonly { name: string }[]).map(
    ({ name }) => name,
  ),
  orchestrators: JSON.parse(process.env[ENVIRONMENT.orchestrators] ?? "[]") as Targets["orchestrators"],
  wrongWith,
});

/** The calls of owners. */
const CALLS: Calls<App> = {
  register: async (app, { run, body }) => {
    const spec = read(schemas.spec, body);
    if (!spec.ok) return refused(spec.problem);
    const accepted = await accept(theTargets(), { run, ...spec.value }, spec.value.target, app.clock.now());
    if (!accepted.ok) return refused(accepted.problem);
    const { target: _, ...rest } = spec.value;
    const asked = { ...rest, ...(accepted.target !== undefined && { target: accepted.target }) };
    const lease = asked.target?.kind === "job" ? JOB_LEASE : defaultLease();
    return registered(await register(app, run, specOf(asked, lease), asked), run);
  },
  ticket: async (app, { run }) => {
    const found = await ticketOf(app, run);
    return found === undefined ? unknown(run) : registered(found, run);
  },
  inspect: async (app, { run }) => {
    const found = await inspect(app, run);
    return found === undefined
      ? unknown(run)
      : { status: 200, body: recordView(found.registration, found.current, found.lines, found.hold) };
  },
  list: async (app, { query }) => {
    const asked = read(schemas.listing, JSON.stringify(query));
    if (!asked.ok) return refused(asked.problem);
    const { state = "live", limit = "100", since, cursor } = asked.value;
    const given = cursor === undefined ? undefined : Buffer.from(cursor, "base64url").toString("utf8");
    const isOurs =
      given === undefined || (state === "live" ? schemas.isLiveCursor(given) : schemas.isEndedCursor(given));
    if (!isOurs) return refused(problem("not-found", { detail: "cursor: this cursor is not from this list" }));
    if (state === "live") {
      const [live, hold] = await Promise.all([listLive(app, Number(limit), given), pauseNow(app)]);
      return {
        status: 200,
        body: { ...view(live, runView), ...(hold !== undefined && { freeze: freezeView(hold) }) },
      };
    }
    const from = since === undefined ? undefined : fromIso(since);
    return { status: 200, body: view(await listEnded(app, Number(limit), from, given), endedView) };
  },
  cancel: async (app, { run, body }) => {
    const asked = read(schemas.cancel, body);
    if (!asked.ok) return refused(asked.problem);
    const reply = await cancel(app, run, asked.value.reason);
    return reply.kind === "not-found" ? unknown(run) : ownerReply(reply);
  },
  requeue: async (app, { run, body }) => {
    const asked = read(schemas.requeue, body);
    if (!asked.ok) return refused(asked.problem);
    const reply = await requeue(app, run, asked.value.attempt, asked.value.reason);
    return reply.kind === "not-found" ? unknown(run) : ownerReply(reply);
  },
  drain: async (app, { host, body }) => {
    const asked = read(schemas.drain, body);
    if (!asked.ok) return refused(asked.problem);
    const attempts = await drain(app, host, asked.value);
    return { status: 202, body: { attempts } };
  },
};

/** Each call has a log line that names its caller: nothing else in the account records who called. */
const told =
  (name: string, call: Call<App>): Call<App> =>
  async (app, request) => {
    const { run, host, caller: by = "an unknown caller" } = request;
    const what = { ...(run !== "" && { run }), ...(host !== "" && { host }) };
    let status = 500; // for a call that throws
    try {
      const reply = await call(app, request);
      status = reply.status;
      return reply;
    } finally {
      app.log.write({ decision: "asked", call: name, by, status, ...what });
    }
  };

/** AWS IAM authorizes owners at the front door. */
export const handler: HttpHandler = httpHandler(
  theApp,
  Object.fromEntries(Object.entries(CALLS).map(([name, call]) => [name, told(name, call)])),
);

const view = <T>({ runs, cursor }: { runs: readonly T[]; cursor?: string }, one: (run: T) => unknown): object => ({
  runs: runs.map(one),
  ...(cursor !== undefined && { cursor: Buffer.from(cursor).toString("base64url") }),
});
