package heart

import (
	"strings"

	"lastbeat/agent/internal/wire"
)

// Drain is a spot notice's 120 s less the 30 s that a beat may take to bring it.
const Drain Span = 90_000

// Reasons only rise: what says that the attempt is over outranks what asks the command to leave.
var rank = map[string]int{"drain": 1, "stalled": 1, "stop": 2, "superseded": 3, "overran": 3, "self-fenced": 3}

// The stop with one more reason to stop. The earlier kill time wins, so that nothing that comes later lengthens a command's life. TERM is
// sent once; when the time to kill has passed already, as after a suspend, KILL comes instead of it.
func raised(before *stop, next stop, now Instant) (stop, []string) {
	wasKilled := false
	killAt := next.killAt
	result := next
	if before != nil {
		wasKilled = before.isKilled
		killAt = min(killAt, before.killAt)
		if rank[next.why] <= rank[before.why] {
			result.why, result.reason = before.why, before.reason
		}
	}
	result.killAt = killAt
	result.isKilled = wasKilled || killAt <= now
	switch {
	case wasKilled:
		return result, nil
	case result.isKilled:
		return result, []string{"SIGKILL"}
	case before == nil:
		return result, []string{"SIGTERM"}
	}
	return result, nil
}

// When a command that was told to leave now is killed, so that its grace is over.
func afterGrace(lease Span, now Instant) Instant { return now + Instant(PaceOf(lease).Grace) }

// When a draining command is killed: a margin before its deadline, or after the drain where there is none. The deadline is by the wall
// clock, which counts only here, for what is left of it.
func drainedAt(deadline string, lease, drain Span, now, wall Instant) Instant {
	at, ok := wire.ParseInstant(deadline)
	if !ok {
		return now + Instant(drain)
	}
	asked := now + (Instant(at) - wall) - Instant(PaceOf(lease).Margin)
	// A deadline that is near or past, or another clock: the lease is held, so the command gets its TERM and its grace.
	return max(asked, afterGrace(lease, now))
}

// The agent's own deadline, from when its newest acknowledged request was sent: nobody else claims before the lease is over.
func selfFenceAt(from Instant, lease Span) (termAt, killAt Instant) {
	pace := PaceOf(lease)
	killAt = from + Instant(lease) - Instant(pace.Margin)
	return killAt - Instant(pace.Grace), killAt
}

// What a command's end comes to: a report, unless nobody wants one, and the code to leave with. An attempt that is over or unwanted is not
// reported, unless it has succeeded: that may still count.
func endOf(end ChildEnd, forwarded []signal, stopped *stop, onInterrupt string) (report *wire.Report, code int, codeIfLate *int) {
	why := ""
	if stopped != nil {
		why = stopped.why
	}
	fenced := ExitSelfFenced
	if why == "self-fenced" {
		codeIfLate = &fenced
	}
	if end.ExitCode != nil && *end.ExitCode == 0 {
		zero := 0
		return &wire.Report{Outcome: "succeeded", ExitCode: &zero}, codeOfSuccess(why), codeIfLate
	}
	var what wire.Report
	switch why {
	case "superseded":
		return nil, ExitSuperseded, nil
	case "stop":
		what, code = interrupted(stopped.reason), ExitSuperseded
	case "self-fenced":
		what, code = interrupted(stopped.reason), ExitSelfFenced
	case "drain":
		if isByUs(end) {
			what, code = withFacts(interrupted(stopped.reason), end), ExitPreempted
		} else {
			what, code = reportOf(end, forwarded, onInterrupt, ""), end.Status
		}
	case "stalled":
		what, code = withFacts(wire.Report{Outcome: "failed", Reason: stopped.reason}, end), end.Status
	case "overran":
		what, code = reportOf(end, forwarded, onInterrupt, stopped.reason), end.Status
	default:
		what, code = reportOf(end, forwarded, onInterrupt, ""), end.Status
	}
	return &what, code, codeIfLate
}

// The code of a command that succeeded although it had to stop, for when that does not count.
func codeOfSuccess(why string) int {
	switch why {
	case "self-fenced":
		return ExitSelfFenced
	case "superseded", "stop":
		return ExitSuperseded
	}
	return 0
}

// Whether the command died of our TERM or KILL, or left with the codes that shells give for them.
func isByUs(end ChildEnd) bool {
	code := orElse(end.ExitCode, -1)
	return end.Signal == "SIGTERM" || end.Signal == "SIGKILL" || code == 143 || code == 137
}

func withFacts(report wire.Report, end ChildEnd) wire.Report {
	report.ExitCode, report.Signal, report.Message = end.ExitCode, end.Signal, end.Message
	return report
}

// What an end means. Exit code 0 is a success even after a TERM: a command that stops without having finished must not say 0. Death by a
// signal that was passed on to it, or with the exit code that shells give for it, is an interruption; everything else is its own failure.
// What the kernel or the start says of it comes before the exit code.
func reportOf(end ChildEnd, forwarded []signal, onInterrupt, reason string) wire.Report {
	for _, passed := range forwarded {
		if end.Signal == passed.name || orElse(end.ExitCode, -1) == 128+passed.number {
			return withFacts(endedBy(passed.name, onInterrupt), end)
		}
	}
	if end.OutOfMemory != nil {
		report := withFacts(wire.Report{Outcome: "failed", Reason: "out-of-memory"}, end)
		report.MemoryLimitBytes = end.OutOfMemory.LimitBytes
		return report
	}
	if end.Message != "" {
		return withFacts(wire.Report{Outcome: "failed", Reason: "unstartable"}, end)
	}
	return withFacts(wire.Report{Outcome: "failed", Reason: reason}, end)
}

// What a signal comes to: the run is started again, unless its user has pressed Ctrl-C and wants it canceled then.
func endedBy(name, onInterrupt string) wire.Report {
	if name == "SIGINT" && onInterrupt == "cancel" {
		return wire.Report{Outcome: "canceled", Reason: "sigint"}
	}
	return interrupted(strings.ToLower(name))
}
