import * as z from "zod/mini";
import { after, type Instant, seconds } from "../../core/time.ts";
import type { AirflowServer, TaskKey } from "../../ports/airflow.ts";
import { Refused } from "../../ports/dispatch.ts";
import { answered, type JsonCall, jsonClient, OF_OPERATOR, secretText } from "./json-client.ts";

/** A server of Airflow 3. `url`: of its web server, `https://airflow.example`. */
export type AirflowAddress = { readonly name: string; readonly url: string };

/** A token of the default auth manager lives for a day; a server may make it shorter. It is asked for again when refused. */
const TOKEN_IS_KEPT = seconds(3600);

const taskInstance = z.looseObject({ state: z.nullish(z.string()), try_number: z.int(), note: z.nullish(z.string()) });
const token = z.looseObject({ access_token: z.string() });

/**
 * `readSecret`: `user:password`, for which the server gives a token; or a token itself. A name has no colon in it, and a
 * token has none either.
 */
export function airflowServer(
  { name, url }: AirflowAddress,
  readSecret: () => Promise<string>,
  now: () => Instant,
): AirflowServer {
  const what = `the server of Airflow ${name}`;
  let known: { readonly proof: string; readonly until: Instant } | undefined;
  const open = jsonClient(what, url, async () => ({}));

  const proof = async (): Promise<string> => {
    if (known !== undefined && now() < known.until) return known.proof;
    const secret = secretText(what, await readSecret());
    const colon = secret.indexOf(":");
    let bearer = secret;
    if (colon >= 0) {
      const body = { username: secret.slice(0, colon), password: secret.slice(colon + 1) };
      bearer = answered(what, token, (await open({ method: "POST", path: "auth/token", body })).body).access_token;
    }
    known = { proof: bearer, until: after(now(), TOKEN_IS_KEPT) };
    return bearer;
  };

  const client = jsonClient(what, url, async (): Promise<Readonly<Record<string, string>>> => {
    const bearer = await proof();
    return bearer === "" ? {} : { authorization: `Bearer ${bearer}` };
  });

  /** A token may end before its time: once more, with a new one. */
  const call: typeof client = async (asked: JsonCall) => {
    const answer = await client({ ...asked, expects: [...(asked.expects ?? []), UNAUTHORIZED] });
    if (answer.status !== UNAUTHORIZED) return answer;
    known = undefined;
    return client(asked);
  };

  const pathOf = ({ dag, dagRun, task, mapIndex }: TaskKey): string =>
    `api/v2/dags/${encodeURIComponent(dag)}/dagRuns/${encodeURIComponent(dagRun)}/taskInstances/${encodeURIComponent(task)}${
      mapIndex < 0 ? "" : `/${mapIndex}`
    }`;

  return {
    read: async (key) => {
      const { status, body } = await call({ method: "GET", path: pathOf(key), expects: [404] });
      if (status === 404 && isOfTask(body)) return undefined;
      if (status === 404)
        throw new Refused(`${what} has no API at ${url}: name the address without /api/v2`, OF_OPERATOR);
      const found = answered(what, taskInstance, body);
      return { state: found.state ?? undefined, tryNumber: found.try_number, note: found.note ?? undefined };
    },
    fail: async (key, note) => {
      const body = { new_state: "failed", note: note.slice(0, NOTE_LENGTH) };
      await call({ method: "PATCH", path: pathOf(key), body, expects: [CONFLICT] }); // it has failed already
    },
    clear: async ({ dag, dagRun, task, mapIndex }, which, note) => {
      const { status, body } = await call({
        method: "POST",
        path: `api/v2/dags/${encodeURIComponent(dag)}/clearTaskInstances`,
        expects: [CONFLICT],
        body: {
          dry_run: false,
          dag_run_id: dagRun,
          task_ids: [mapIndex < 0 ? task : [task, mapIndex]],
          only_failed: which === "failed",
          only_running: which === "running",
          reset_dag_runs: true,
          include_upstream: false,
          include_downstream: which === "failed",
          include_future: false,
          include_past: false,
          prevent_running_task: which !== "running",
          note: note.slice(0, NOTE_LENGTH),
        },
      });
      if (status !== CONFLICT) return "cleared";
      if (which !== "running" && JSON.stringify(body).includes("AirflowClearRunningTaskException")) return "runs";
      throw new Refused(`${what} refuses to clear ${dag}/${task}: ${JSON.stringify(body).slice(0, 300)}`, OF_OPERATOR);
    },
  };
}

/** Airflow's own words: another 404 comes from a wrong address, and says nothing about the task. */
const isOfTask = (body: unknown): boolean => /Task Instance|DagRun/i.test(JSON.stringify(body ?? ""));

const UNAUTHORIZED = 401;
const CONFLICT = 409;
/** Airflow's own bound of a note. */
const NOTE_LENGTH = 1000;
