package heart

import (
	"fmt"
	"slices"
)

// What the agent says on stderr about each thing that it does to the command: what happened, what it does, and what comes next. Each agent
// says the same: the lines are part of the vectors.

// Whole seconds, rounded up.
func inSeconds(span Span) string { return fmt.Sprintf("%d s", (span+999)/1000) }

func (s stop) cause() string {
	switch s.why {
	case "drain":
		return "the attempt is asked to leave (" + s.reason + ")"
	case "stalled":
		return "there was no progress in time"
	case "stop":
		return "the run is stopped (" + s.reason + ")"
	case "superseded":
		return "the attempt is over (" + s.reason + ")"
	case "overran":
		return "the deadline of the attempt or of the run is over"
	default:
		return "no beat was acknowledged in time, and another attempt may start soon"
	}
}

// The command has to stop, for this reason, by these signals.
func saidOfStop(s stop, signals []string, now Instant) string {
	left := inSeconds(Span(s.killAt - now))
	next := "SIGKILL to the command in " + left + " if it is still there"
	switch {
	case slices.Contains(signals, "SIGKILL"):
		next = "SIGKILL to the command"
	case slices.Contains(signals, "SIGTERM"):
		next = "SIGTERM to the command, and SIGKILL in " + left + " if it is still there"
	case s.isKilled:
		next = "the command was killed already"
	}
	return s.cause() + ": " + next
}

const (
	killedInTime    = "the command has not left in time: SIGKILL to it"
	saidOfRebalance = "a rebalance of this instance is recommended: the service is told, the command works on"
)

// A signal came that ends most programs.
func saidOfSignal(name, onInterrupt string) string {
	next := "the attempt counts as interrupted, and the run is started again"
	if name == "SIGINT" && onInterrupt == "cancel" {
		next = "the run is canceled"
	}
	return name + " came and is passed on: if the command dies of it, " + next
}

// What the exit code does not tell of an end; empty if that tells all.
func saidOfEnd(end ChildEnd, reason string) string {
	switch {
	case end.Message != "":
		return "the command could not be started: " + end.Message
	case end.OutOfMemory == nil || reason != "out-of-memory":
		return ""
	}
	where := "the host had no memory left"
	if limit := end.OutOfMemory.LimitBytes; limit != 0 {
		where = fmt.Sprintf("its limit is %d MiB", (limit+1<<19)>>20)
	}
	return "a process of the command was killed because it ran out of memory: " + where
}

// Nobody has answered until the attempt had to start.
func saidOfNobody(detail string) string {
	return "no front door has answered until the attempt had to start: " + detail
}
