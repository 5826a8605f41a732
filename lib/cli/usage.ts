import { PAGES } from "./help.ts";

/** A command line that cannot be understood: the message says what would be. Exit code 2. */
export class UsageError extends Error {}

/** A command that was understood and failed. Exit code 1. */
export class CommandError extends Error {}

export const USAGE = `lastbeat - heartbeats for workflow runners, and a second attempt for the lost ones

  lastbeat exec [options] -- COMMAND ...
      claim the attempt of LASTBEAT_TICKET, run COMMAND under its lease, report its end
  lastbeat register RUN [--lease S] [--start self|dispatch] [--label KEY=VALUE]...
                        [--attempts N | --crashes N --losses N ...] [--spec FILE]
                        [--ticket]
      register a run; --ticket prints the ticket of its first attempt and nothing else
  lastbeat runs [--ended] [--limit N] [--cursor CURSOR]
      the live runs, or the ended ones, the newest first
  lastbeat show RUN
      what happened to a run: its attempts, why they ended, what they were charged to
  lastbeat watch [--interval SECONDS]
      the live runs as a table that keeps itself up to date
  lastbeat cancel RUN [--reason TEXT]
      stop the run for good
  lastbeat requeue RUN [--attempt N] [--reason TEXT]
      give the run another attempt at once, charged to nothing
  lastbeat drain HOST [--deadline SECONDS] [--reason TEXT]
      ask every attempt on a host to leave
  lastbeat drill spot|rebalance|terminated HOST
      a game day: play what AWS would say about a host
  lastbeat doctor --stack NAME | --from-pod
      what is wrong with a deployment, or with a runner's surroundings, and how to mend it
  lastbeat redrive requeue|notice --stack NAME
      move the dead letters of a queue back into it
  lastbeat destroy --stack NAME [--force]
      delete a deployment, unless runs are live, and say what is kept
  lastbeat dev [--port N] [--data DIR] [--sweep SECONDS]
      the embedded server, on 127.0.0.1
  lastbeat cost [--runs N] [--beat S] [--hours H] [--front-door DOOR] [--json]
      what it costs on AWS in a month, from counted units and list prices
  lastbeat completion bash|zsh|fish
      what makes a shell complete all this

What asks the API takes --url URL or --stack NAME, else LASTBEAT_URL or LASTBEAT_STACK
(default http://127.0.0.1:8787), and --json for programs. With a stack, and elsewhere than
on this machine, calls are signed with your AWS credentials. lastbeat COMMAND --help says
more.
`;

export const HELP: Readonly<Record<string, string>> = {
  exec: `lastbeat exec [options] -- COMMAND ...

Claims the attempt that the ticket is for, waits until it may start, then runs COMMAND in
a process group of its own and beats until it ends. Signals are passed on to the group.
Exit code 0 of COMMAND is a success, also after a SIGTERM: a command that stops unfinished
must not exit 0. What COMMAND leaves running in its group is stopped when COMMAND ends.

When no beat was acknowledged for so long that another attempt might start, COMMAND is
stopped (self-fenced). When its host is about to be taken, it gets SIGTERM and may drain.

  --ticket-file FILE   read the ticket from FILE instead of LASTBEAT_TICKET
  --host NAME          what the runner stands on: an EC2 instance id, or any name
                       (LASTBEAT_HOST; default: the instance id, else the host name)
  --url URL[,URL...]   LASTBEAT_URL; default http://127.0.0.1:8787. Of several front
                       doors the next is tried when one fails
  --drain-seconds S    time to drain when nobody names a deadline
                       (LASTBEAT_DRAIN_SECONDS; 90)
  --stall S            stop COMMAND when its progress file is unchanged for so long
                       (LASTBEAT_STALL; default: never)
  --state-dir DIR      where a report is kept until it is delivered, and the progress
                       (LASTBEAT_STATE_DIR; a folder of yours in the temporary one)
  --imds auto|off      ask the EC2 instance metadata for spot notices (LASTBEAT_IMDS;
                       auto: on EC2 only, or where LASTBEAT_IMDS_URL says)
  --identity-file FILE
                       a token of the cluster, for a front door with a JWT authorizer;
                       read again for each call (LASTBEAT_IDENTITY_FILE)
  --exit-map A=B,...   leave with B instead of A, as 80=137,82=137 (LASTBEAT_EXIT_MAP)

COMMAND sees LASTBEAT_RUN_ID, LASTBEAT_ATTEMPT and LASTBEAT_FENCE; the fence rises with
every attempt, for writes that must not come from an old one. It may write its progress to
the file LASTBEAT_PROGRESS_FILE: a number, or {"value": 82, "of": 100, "note": "epoch 3"}.

Exit codes: COMMAND's own; 128 + n when signal n ended it; 80 self-fenced; 81 when the
attempt is not ours (superseded, held by another, canceled, ended): COMMAND was stopped or
never ran; 82 preempted while it drained; 125 when the agent itself failed; 126 not
executable; 127 not found. One line about the end goes to /dev/termination-log where there
is one, or to LASTBEAT_TERMINATION_LOG.
`,
  ...PAGES,
};
