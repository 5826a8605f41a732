const JSON_LINE = `  --json               the answer as JSON, for programs
`;

const STACK_LINE = `  --stack NAME         the CloudFormation stack of the deployment (LASTBEAT_STACK), in the
                       region and with the credentials that the AWS CLI would take
`;

const URL_LINE = `  --url URL            where the API is (LASTBEAT_URL; default http://127.0.0.1:8787).
                       Calls to elsewhere than this machine are signed with your AWS
                       credentials, if there are any (LASTBEAT_SIGN=always|never);
                       plain http beyond it gets a warning (LASTBEAT_INSECURE=1: none)
  --stack NAME         the CloudFormation stack to ask instead (LASTBEAT_STACK). Of all
                       four --url counts first, then --stack, then LASTBEAT_URL
`;

const COMMON = `${JSON_LINE}${URL_LINE}`;

const EXITS = `
Exit codes: 0 done; 1 refused, or nobody answered (stderr says why); 2 not understood.
`;

/** What each command but exec says of itself. Completions are made of it too: an option is described on its own line. */
export const PAGES: Readonly<Record<string, string>> = {
  register: `lastbeat register RUN [options]

Registers a run. Doing it again with the same options changes nothing and answers the
same; with other options it is refused. RUN is 1 to 128 letters, digits, - and _.

  --lease SECONDS      silence after which the runner counts as lost (5 to 3600; 120)
  --start self|dispatch
                       who starts attempt 1: the caller with the ticket (self, the
                       default), or the consumer of the message that goes out (dispatch)
  --attempts N         one budget for all: N attempts in all
  --crashes N          how many crashes may be followed by another attempt
  --interruptions N    the same for attempts whose capacity was taken
  --losses N           the same for attempts that fell silent
  --starts N           the same for attempts that nobody claimed in time
  --label KEY=VALUE    up to 20; handed on in the requeue message
  --spec FILE          the spec as JSON (docs/protocol.md); "-" reads stdin. What other
                       options say goes before what the file says
  --ticket             print the ticket and nothing else
${COMMON}
Example: LASTBEAT_TICKET=$(lastbeat register etl-1 --lease 60 --ticket)
${EXITS}`,
  runs: `lastbeat runs [--ended] [--limit N] [--cursor CURSOR] [--json]

Lists the live runs, or the ended ones, the newest first. It says so when there are more.

  --ended              ended runs instead of live ones
  --limit N            at most N runs (1 to 10000; 100)
  --cursor CURSOR      go on where a list ended: the "cursor" of its --json
${COMMON}${EXITS}`,
  show: `lastbeat show RUN [--json]

What happened to a run: its attempts as a timeline with the evidence about them, why each
ended, what each was charged to, and what is spent of the budgets. Instants are UTC. When
evidence came after the verdict, it says that the charge was moved.

${COMMON}${EXITS}`,
  cancel: `lastbeat cancel RUN [--reason TEXT] [--json]

Stops a run for good. A held attempt is told to stop, and the run ends when it is gone.
Canceling it again does no harm.

  --reason TEXT        why; its holder is told
${COMMON}${EXITS}`,
  requeue: `lastbeat requeue RUN [--attempt N] [--reason TEXT] [--json]

Gives a run another attempt at once, charged to nothing. A held attempt is told to stop
first; a backoff is cut short; a message that was lost is sent again.

  --attempt N          only if attempt N is still the current one, so that a repeated
                       command does not requeue twice
  --reason TEXT        why; its holder is told
${COMMON}${EXITS}`,
  watch: `lastbeat watch [--interval SECONDS]

A table of the live runs that is drawn again and again until Ctrl-C: state, attempt, age
of the last beat, host, and what they were told or say; below it what ended in the last
hour, and why. On a terminal it is drawn in place, elsewhere one table follows another.
While nobody answers it says so, and asks again.

  --interval SECONDS   time between two tables (0.1 to 3600; 2)
${URL_LINE}
Exit codes: 0 ended by SIGINT, SIGTERM or a closed pipe; 2 not understood.
`,
  drain: `lastbeat drain HOST [--deadline SECONDS] [--reason TEXT] [--json]

Asks every attempt on a host to leave, as before a maintenance: they may finish
what they can, and their next attempts are announced by each run's own policy (onNotice).
HOST is what their holders call it: an instance id, or what exec --host said.

  --deadline SECONDS   when the host will go (0 to 86400; nobody knows)
  --reason TEXT        why, for the log
${COMMON}${EXITS}`,
  drill: `lastbeat drill spot|rebalance|terminated HOST [--json]

A game day: plays what AWS would say about an EC2 instance, from the source
lastbeat.drill. With a stack the event goes to the default bus of its account, as all that
AWS says (events:PutEvents). On the embedded server it is put into the notice queue.
Elsewhere nothing is done, and the command of the AWS CLI that does it is printed.

  spot        the interruption warning, two minutes ahead
  rebalance   the rebalance recommendation, which is advice
  terminated  the state change: the instance is gone

${COMMON}
Exit codes: 0 played; 1 not played (stdout has the command to do it with); 2 not
understood.
`,
  cost: `lastbeat cost [options] [--json]

What Lastbeat costs on AWS in a month, item by item: units that tests have counted, at the
list prices of us-east-1, without free tiers. It says of which day the prices are, what
was assumed and what is left out, and asks nobody, neither the API nor AWS.

  --runs N             live runs, on average (default: 0, 100, 10000 and 1000000 beside
                       each other)
  --beat S             seconds between two beats of a run (1 to 3600; 30)
  --hours H            how long a run lives (0.01 to 8784; 1)
  --losses N           attempts that fall silent, of each 1,000 runs (0 to 10000; 10)
  --front-door http-api|function-url|rest-api
                       how requests come in (http-api)
  --sweep S            seconds between two sweeps (1 to 60; 10)
  --beat-ms N          billed milliseconds of a beat (1 to 30000; 8)
  --observability none|alarms|full
                       alarms, or alarms and a dashboard (alarms)
  --json               the same numbers as JSON, with the units

Exit codes: 0 done; 2 not understood.
`,
  doctor: `lastbeat doctor --stack NAME [--url URL] [--json]
       lastbeat doctor --from-pod [--url URL] [--json]

A list of findings about a deployment: ok, warning or problem, with what to do about it.
It looks at the stack, the front door, a signed call, the clock here, the table, the last
sweep and the canary, the queues and their dead letters, the rules, CloudTrail, and what
the account allows. It changes nothing. What these credentials may not look at becomes a
warning that names the missing permission.

With --from-pod it looks from where a runner runs, without AWS credentials: the front
doors, the ticket (which is not printed), the host's name, the instance metadata, the
termination log and the state folder, as lastbeat exec would find them.

  --from-pod           look from here instead of at a stack
  --url URL            a front door to ask instead of the stack's; with --from-pod instead
                       of LASTBEAT_URL
${STACK_LINE}${JSON_LINE}
Exit codes: 0 no problem, at most warnings; 1 a problem; 2 not understood.
`,
  redrive: `lastbeat redrive requeue|notice --stack NAME [--json]

Moves the dead letters of a queue back into it, to be read again: do so when what refused
them is mended. SQS moves them in the background; messages that come twice do no harm.

  requeue     messages to start attempts, which no consumer could
  notice      what AWS said about hosts, and could not be handled

${STACK_LINE}${JSON_LINE}${EXITS}`,
  destroy: `lastbeat destroy --stack NAME [--force] [--url URL] [--json]

Deletes a deployment and waits for the end of it. While runs are live, or when nobody can
say whether any are, it refuses. Afterwards it says what was kept (unless the deployment
says otherwise the table, the requeue queue with its dead letters, and the secret of the
signing keys) and how to delete that, too.

  --force              delete it whatever is live
  --url URL            a front door to ask instead of the stack's
${STACK_LINE}${JSON_LINE}${EXITS}`,
  completion: `lastbeat completion bash|zsh|fish

Prints the completion of a shell, for its startup file:

  bash   eval "$(lastbeat completion bash)"
  zsh    source <(lastbeat completion zsh)        after compinit
  fish   lastbeat completion fish | source
`,
  dev: `lastbeat dev [--port N] [--data DIR] [--sweep SECONDS]

One process: the Lambdas of the cloud behind a small HTTP server, with a DynamoDB and an
SQS emulator, all on 127.0.0.1. GET /dev/info says where they are; POST /dev/events takes
events of EventBridge, one or a list. Whatever is set for AWS in the environment or in
files stays out. It runs until SIGINT or SIGTERM.

  --port N             where the API listens (8787); 0 takes a free port
  --data DIR           keep everything in DIR, over restarts and kill -9 (else: in
                       memory). The ports of DynamoDB and SQS stay too, while free
  --sweep SECONDS      time between two sweeps (1 to 60; 10)

Exit codes: 0 told to end; 1 it could not start or go on (stderr says why); 2 not
understood.
`,
};
