// Package heart decides what an agent does. It is pure: time and dice are arguments, and what it wants done it returns. The
// reference is lib/agent of this repository, which the simulator runs; the vectors in agents/vectors hold this package to it.
package heart

import "lastbeat/agent/internal/wire"

// Exit codes of an agent that does not leave with its command's own.
const (
	ExitSelfFenced    = 80
	ExitSuperseded    = 81
	ExitPreempted     = 82
	ExitAgentError    = 125
	ExitNotExecutable = 126
	ExitNotFound      = 127
)

// Kind says what happened.
type Kind string

const (
	Wake       Kind = "wake"
	Claimed    Kind = "claimed"
	Beaten     Kind = "beaten"
	Reported   Kind = "reported"
	Signaled   Kind = "signaled"
	Progressed Kind = "progressed"
	Noticed    Kind = "noticed"
	Exited     Kind = "exited"
)

// Input is something that happened to the agent. Each kind uses the fields that it needs.
type Input struct {
	Kind Kind `json:"kind"`
	// SentAt is when the request went out that is answered now, by the agent's own clock.
	SentAt Instant `json:"sentAt"`
	Answer *Answer `json:"answer,omitempty"`
	// WallAt is the wall clock now, in milliseconds since the Unix epoch: deadlines are read against it. Absent where both clocks are one.
	WallAt *Instant `json:"wallAt,omitempty"`
	// Signal and Number are of a signal that came.
	Signal string `json:"signal,omitempty"`
	Number int    `json:"number,omitempty"`
	// Progress is what the command has said; nil when it touched its file and said nothing that can be sent.
	Progress *wire.Progress `json:"progress,omitempty"`
	// Notice, At and Deadline are what the instance metadata announce.
	Notice   string    `json:"notice,omitempty"`
	At       string    `json:"at,omitempty"`
	Deadline string    `json:"deadline,omitempty"`
	End      *ChildEnd `json:"end,omitempty"`
}

// Answer is what a request came to: "ok" with a body, "problem" with the name of one of ours, or "unclear".
type Answer struct {
	Kind   string    `json:"kind"`
	Body   wire.Body `json:"body"`
	Name   string    `json:"name,omitempty"`
	Detail string    `json:"detail,omitempty"`
	// RetryAfter is how long the server asks to wait; 0 when it does not.
	RetryAfter Span `json:"retryAfter,omitempty"`
}

// ChildEnd is how the command ended. One that could not be started has a message, and the code 126 or 127.
type ChildEnd struct {
	ExitCode *int   `json:"exitCode,omitempty"`
	Signal   string `json:"signal,omitempty"`
	// Status is 128 + the signal's number, or the exit code.
	Status  int    `json:"status"`
	Message string `json:"message,omitempty"`
	// OutOfMemory is there when the kernel has killed a process of the command for want of memory.
	OutOfMemory *OutOfMemory `json:"outOfMemory,omitempty"`
}

// Unstartable is the end of a command that could not be started, with the code that shells give for it.
func Unstartable(code int, message string) ChildEnd {
	const longest = 500 // what a person reads; the API takes 4 KiB
	return ChildEnd{ExitCode: &code, Status: code, Message: message[:min(len(message), longest)]}
}

// OutOfMemory is what the command ran into.
type OutOfMemory struct {
	// LimitBytes is 0 where the host itself had no memory left.
	LimitBytes int64 `json:"limitBytes,omitempty"`
}

// Do says what the agent does next.
type Do string

const (
	DoClaim  Do = "claim"
	DoStart  Do = "start"
	DoBeat   Do = "beat"
	DoSignal Do = "signal"
	DoNotice Do = "notice"
	DoFinish Do = "finish"
	DoSay    Do = "say"
	DoExit   Do = "exit"
)

// Action is something that the agent does next. Each uses the fields that it needs.
type Action struct {
	Do       Do             `json:"do"`
	Attempt  int64          `json:"attempt,omitempty"`
	Fence    int64          `json:"fence,omitempty"`
	Token    string         `json:"token,omitempty"`
	Progress *wire.Progress `json:"progress,omitempty"`
	Signal   string         `json:"signal,omitempty"`
	Kind     string         `json:"kind,omitempty"`
	At       string         `json:"at,omitempty"`
	Deadline string         `json:"deadline,omitempty"`
	Report   *wire.Report   `json:"report,omitempty"`
	Line     string         `json:"line,omitempty"`
	Code     *int           `json:"code,omitempty"`
	Why      string         `json:"why,omitempty"`
}

// Own is what the user settled for this agent. A nil or zero field has its default.
type Own struct {
	// Drain is how long a command may drain when nobody names a deadline.
	Drain *Span `json:"drain,omitempty"`
	// Stall is how long the command may leave its progress file alone.
	Stall *Span `json:"stall,omitempty"`
	// StartBy is until when the attempt has to start: after that a door that does not answer is not asked again.
	StartBy *Instant `json:"startBy,omitempty"`
	// ReportFor is how long the report of an attempt that was cut off is repeated.
	ReportFor *Span `json:"reportFor,omitempty"`
	// OnInterrupt says what SIGINT means when the command ends by it: cancel cancels the run; without it the run is started again.
	OnInterrupt string `json:"onInterrupt,omitempty"`
}

// Phase of an attempt.
type Phase string

const (
	Claiming  Phase = "claiming"
	Beating   Phase = "beating"
	Reporting Phase = "reporting"
	Gone      Phase = "gone"
)

// Heart is the state of an agent. Which fields count depends on the phase.
type Heart struct {
	Phase Phase
	lease Span
	own   Own

	// Claiming and reporting: failed requests so far, and when to ask again; nil while a request is out.
	tries int
	askAt *Instant
	// A signal that came while the claim was out: the command is not started any more.
	leaving *signal

	// Beating.
	token string
	// When to beat next; nil while a beat is out.
	beatAt *Instant
	// When the newest acknowledged request was sent; nil when nothing is cut off any more.
	fenceFrom    *Instant
	progressedAt *Instant
	// What no beat has brought to the service yet, and what the beat that is out carries.
	progress, sent *wire.Progress
	told           []string
	// What was passed on to the command, in order.
	forwarded []signal
	stop      *stop

	// Reporting.
	report wire.Report
	code   int
	// The code for a report that came too late or not at all, where the command was stopped for that very reason.
	codeIfLate *int
	until      Instant
}

type signal struct {
	name   string
	number int
}

// A command that has to stop: why, and when it is killed if it has not.
type stop struct {
	why      string
	reason   string
	killAt   Instant
	isKilled bool
}
