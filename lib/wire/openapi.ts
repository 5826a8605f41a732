import * as z from "zod/mini";
import { BUDGETS } from "../core/causes.ts";
import { HOST_SEGMENT, ID_SEGMENT } from "./ids.ts";
import { PROBLEMS, type ProblemName } from "./problems.ts";
import { ROUTES, type Route, type RouteName } from "./routes.ts";
import * as schemas from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

const instant = () => z.iso.datetime();
const directive = () => z.enum(["continue", "drain", "stop"]);
const state = () => z.enum(["queued", "waiting", "running", "leaving", "canceling", "ended"]);

const run = z.looseObject({
  run: z.string(),
  state: state(),
  attempt: z.int(),
  fence: z.int(),
  startBy: z.exactOptional(instant()),
  notBefore: z.exactOptional(instant()),
  leaseUntil: z.exactOptional(instant()),
  lastBeatAt: z.exactOptional(instant()),
  host: z.exactOptional(z.string()),
  outcome: z.exactOptional(z.enum(["succeeded", "failed", "canceled", "exhausted"])),
  cause: z.exactOptional(z.string()),
  endedAt: z.exactOptional(instant()),
});

const attempt = z.looseObject({
  attempt: z.int(),
  fence: z.int(),
  holder: z.exactOptional(z.record(z.string(), z.string())),
  claimedAt: z.exactOptional(instant()),
  endedAt: z.exactOptional(instant()),
  cause: z.exactOptional(z.string()),
  charged: z.exactOptional(z.enum(BUDGETS)),
  evidence: z.array(z.object({ id: z.string(), source: z.string(), kind: z.string(), at: instant() })),
});

const freeze = z.object({
  since: instant(),
  until: instant(),
  why: z.enum(["canary", "silence", "sweeps", "witness"]),
});

const accepted = z.object({ state: state() });

const problemBody = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.exactOptional(z.string()),
  errors: z.exactOptional(z.array(z.object({ field: z.string(), detail: z.string() }))),
});

type Described = {
  readonly body?: z.ZodMiniType;
  readonly query?: Readonly<Record<string, z.ZodMiniType | undefined>>;
  readonly replies: Readonly<Record<string, z.ZodMiniType>>;
  /** A problem's name, with its status if that is not the usual one. */
  readonly refusals: readonly (ProblemName | readonly [ProblemName, number])[];
};

const OF_OWNERS = ["malformed", "invalid", "too-large"] as const;
const OF_RUNNERS = [
  "malformed",
  "invalid",
  "unauthorized",
  "wrong-run",
  "superseded",
  "ended",
  "too-large",
  "contended",
] as const;

const registration = z.object({
  run: z.string(),
  state: state(),
  attempt: z.int(),
  fence: z.int(),
  ticket: z.exactOptional(z.string()),
  startBy: z.exactOptional(instant()),
});

/** Bodies, replies and problems of each call. */
const CALLS: Record<RouteName, Described> = {
  register: {
    body: schemas.spec,
    replies: { 200: registration, 201: registration },
    refusals: [...OF_OWNERS, "run-exists"],
  },
  ticket: { replies: { 200: registration }, refusals: [...OF_OWNERS, "not-found"] },
  inspect: {
    replies: {
      200: z.extend(run, {
        registeredAt: instant(),
        spec: schemas.spec,
        attempts: z.array(attempt),
        freeze: z.exactOptional(freeze),
      }),
    },
    refusals: ["malformed", "not-found"],
  },
  list: {
    query: schemas.listing.shape,
    replies: {
      200: z.object({ runs: z.array(run), cursor: z.exactOptional(z.string()), freeze: z.exactOptional(freeze) }),
    },
    refusals: ["malformed", "invalid", "not-found"],
  },
  cancel: {
    body: schemas.cancel,
    replies: { 202: accepted },
    refusals: [...OF_OWNERS, "not-found", ["ended", 409], "contended"],
  },
  requeue: {
    body: schemas.requeue,
    replies: { 202: accepted },
    refusals: [...OF_OWNERS, "not-found", "superseded", "canceling", ["ended", 409], "contended"],
  },
  drain: {
    body: schemas.drain,
    replies: { 202: z.object({ attempts: z.int().check(z.minimum(0)) }) },
    refusals: [...OF_OWNERS],
  },
  claim: {
    body: schemas.claim,
    replies: {
      200: z.object({
        attempt: z.int(),
        fence: z.int(),
        token: z.string(),
        leaseSeconds: z.number(),
        nextBeatSeconds: z.number(),
        directive: directive(),
        onCutOff: z.exactOptional(z.literal("continue")),
        beatUrl: z.exactOptional(z.string()),
      }),
    },
    refusals: [...OF_RUNNERS, "held-by-another", "overran", "hold"],
  },
  beat: {
    body: schemas.beat,
    replies: {
      200: z.object({
        directive: directive(),
        leaseSeconds: z.number(),
        nextBeatSeconds: z.number(),
        deadline: z.exactOptional(instant()),
        reason: z.exactOptional(z.string()),
        token: z.exactOptional(z.string()),
      }),
    },
    refusals: [...OF_RUNNERS, "overran"],
  },
  notice: { body: schemas.notice, replies: { 202: z.object({}) }, refusals: [...OF_RUNNERS] },
  finish: {
    body: schemas.finish,
    replies: { 200: z.object({ state: state(), outcome: z.exactOptional(z.string()) }) },
    refusals: [...OF_RUNNERS, "finished-otherwise"],
  },
  health: { replies: { 200: z.object({ ok: z.literal(true) }) }, refusals: [] },
  openapi: { replies: { 200: z.looseObject({ openapi: z.string() }) }, refusals: [] },
};

function schema(of: z.ZodMiniType): Json {
  const { $schema: _, ...plain } = z.toJSONSchema(of, { io: "input" }) as Json;
  return plain;
}

const content = (of: Json, type = "application/json"): Json => ({ content: { [type]: { schema: of } } });

/** One response per status; several problems may share one. */
function responses({ replies, refusals }: Described): Json {
  const byStatus: Record<string, Json> = {};
  for (const [status, body] of Object.entries(replies))
    byStatus[status] = { description: "OK", ...content(schema(body)) };
  for (const refusal of refusals) {
    const [name, status] = typeof refusal === "string" ? [refusal, PROBLEMS[refusal].status] : refusal;
    const others = (byStatus[status]?.["description"] as string | undefined) ?? "";
    byStatus[status] = {
      description: others === "" ? name : `${others}, ${name}`,
      ...content({ $ref: "#/components/schemas/Problem" }, "application/problem+json"),
    };
  }
  return byStatus;
}

const pathParameter = (name: string, pattern: RegExp): Json => ({
  name,
  in: "path",
  required: true,
  schema: { type: "string", pattern: pattern.source },
});

const SUMMARIES: { readonly [N in RouteName]: string } = {
  register: "Register a run",
  ticket: "The ticket of the attempt that is queued now",
  inspect: "The record of a run, with its ledger",
  list: "List live or ended runs",
  cancel: "Cancel a run",
  requeue: "Give the run another attempt at once",
  drain: "Ask every attempt on a host to leave",
  claim: "Open the attempt of a ticket",
  beat: "Say that the attempt is alive",
  notice: "Tell that the runner is about to be taken",
  finish: "Report the end of the attempt",
  health: "Whether the front door answers",
  openapi: "This document",
};

function operation(name: RouteName, { caller, path }: Route, isGuarded: boolean): Json {
  const described = CALLS[name];
  const parameters = [
    ...(path.includes("{run}") ? [pathParameter("run", ID_SEGMENT)] : []),
    ...(path.includes("{host}") ? [pathParameter("host", HOST_SEGMENT)] : []),
    ...Object.entries(described.query ?? {}).flatMap(([key, value]) =>
      value === undefined ? [] : [{ name: key, in: "query", required: false, schema: schema(value) }],
    ),
  ];
  return {
    operationId: name,
    summary: SUMMARIES[name],
    ...(caller !== "anyone" && (caller !== "owner" || isGuarded) && { security: [{ [caller]: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(described.body !== undefined && {
      // An empty body counts as {}.
      requestBody: { required: !z.safeParse(described.body, {}).success, ...content(schema(described.body)) },
    }),
    responses: responses(described),
  };
}

/**
 * The OpenAPI 3.1 document of the HTTP API. It is made from the same table and schemas that answer the calls.
 * `isGuarded`: owners' calls need a signature of IAM, as they do everywhere except on the embedded server.
 */
export function openapi(isGuarded = true): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.entries(ROUTES)) {
    const operations = paths[route.path] ?? {};
    operations[route.method.toLowerCase()] = operation(name as RouteName, route, isGuarded);
    paths[route.path] = operations;
  }
  const bearer = (what: string): Json => ({ type: "http", scheme: "bearer", description: what });
  return {
    openapi: "3.1.0",
    info: { title: "Lastbeat", version: "1", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      schemas: { Problem: schema(problemBody) },
      securitySchemes: {
        owner: { type: "apiKey", in: "header", name: "Authorization", description: "AWS Signature Version 4 (IAM)" },
        ticket: bearer("The ticket of an attempt, from its registration or its requeue message"),
        token: bearer("The token of a claimed attempt, from its claim"),
      },
    },
  };
}
