package heart

import (
	"slices"

	"lastbeat/agent/internal/wire"
)

const (
	// After a beat that failed, the next one comes soon enough to fit several into a lease.
	afterAFailedBeat Span = 5_000
	// Jitter only shortens the interval, so it never costs a lease its third beat.
	jitter = 0.1
	// Seconds. A server that asks for less is broken, and so is one that asks for more than a quarter of the lease.
	shortestInterval = 0.05
)

func soonest(times ...*Instant) *Instant {
	var first *Instant
	for _, at := range times {
		if at != nil && (first == nil || *at < *first) {
			first = at
		}
	}
	return first
}

// When an attempt with a command wants to be woken.
func (h Heart) wakeBeatingAt() *Instant {
	var killAt *Instant
	if h.stop != nil && !h.stop.isKilled {
		killAt = &h.stop.killAt
	}
	return soonest(h.beatAt, killAt, h.termAt(), h.stalledAt())
}

// An attempt with a command: beats go out, and the command is told what they bring.
func (h Heart) beating(input Input, now Instant, roll float64) (Heart, []Action) {
	switch input.Kind {
	case Wake:
		return h.beatOrKill(now)
	case Beaten:
		at := h.nextBeatAfter(input, now, roll)
		h.beatAt = &at
		return h.beatAnswered(input, now)
	case Signaled:
		return h.passOn(input)
	case Progressed:
		h.progressedAt = &now
		if input.Progress != nil {
			h.progress = input.Progress
		}
		return h, nil
	case Noticed:
		return h.noticed(input, now)
	case Exited:
		return h.childGone(*input.End, now)
	default:
		return h, nil
	}
}

// When the command is told to stop because nothing was acknowledged in time.
func (h Heart) termAt() *Instant {
	if h.fenceFrom == nil || (h.stop != nil && h.stop.isKilled) {
		return nil
	}
	at, _ := selfFenceAt(*h.fenceFrom, h.lease)
	return &at
}

// When the command has made no progress for too long; one that is leaving need not make any.
func (h Heart) stalledAt() *Instant {
	if h.own.Stall == nil || h.progressedAt == nil || h.stop != nil {
		return nil
	}
	at := *h.progressedAt + Instant(*h.own.Stall)
	return &at
}

func (h Heart) beatOrKill(now Instant) (Heart, []Action) {
	h, actions := h.stopInTime(now)
	if h.beatAt == nil || *h.beatAt > now {
		return h, actions
	}
	h.beatAt, h.sent = nil, h.progress
	return h, append(actions, Action{Do: DoBeat, Token: h.token, Progress: h.progress})
}

// What is due to the command by the clock alone: our own deadline, a stall, the end of a grace.
func (h Heart) stopInTime(now Instant) (Heart, []Action) {
	if at := h.termAt(); at != nil && *at <= now {
		_, killAt := selfFenceAt(*h.fenceFrom, h.lease)
		h.fenceFrom = nil
		return h.stopChild("self-fenced", "self-fenced", killAt, now)
	}
	if at := h.stalledAt(); at != nil && *at <= now {
		return h.stopChild("stalled", "stalled", afterGrace(h.lease, now), now)
	}
	if h.stop == nil || h.stop.isKilled || h.stop.killAt > now {
		return h, nil
	}
	killed := *h.stop
	killed.isKilled = true
	h.stop = &killed
	return h, []Action{say(killedInTime), {Do: DoSignal, Signal: "SIGKILL"}}
}

// The command gets every signal; of a TERM the service hears too, because a host that goes often says only that.
func (h Heart) passOn(input Input) (Heart, []Action) {
	h.forwarded = append(slices.Clip(h.forwarded), signal{input.Signal, input.Number})
	var actions []Action
	if isEnding(input.Signal) {
		actions = append(actions, say(saidOfSignal(input.Signal, h.own.OnInterrupt)))
	}
	actions = append(actions, Action{Do: DoSignal, Signal: input.Signal})
	if input.Signal != "SIGTERM" || slices.Contains(h.told, "sigterm") {
		return h, actions
	}
	h.told = append(slices.Clip(h.told), "sigterm")
	return h, append(actions, Action{Do: DoNotice, Token: h.token, Kind: "sigterm"})
}

// A spot notice is a drain already: waiting for the directive would cost the command a quarter of its two minutes.
func (h Heart) noticed(input Input, now Instant) (Heart, []Action) {
	if slices.Contains(h.told, input.Notice) {
		return h, nil
	}
	h.told = append(slices.Clip(h.told), input.Notice)
	notice := Action{Do: DoNotice, Token: h.token, Kind: input.Notice, At: input.At, Deadline: input.Deadline}
	if input.Notice == "rebalance" {
		return h, []Action{say(saidOfRebalance), notice}
	}
	h, actions := h.drainChild("spot-interruption", input.Deadline, now, wallOf(input, now))
	return h, append(actions, notice)
}

func wallOf(input Input, now Instant) Instant {
	if input.WallAt != nil {
		return *input.WallAt
	}
	return now
}

func (h Heart) nextBeatAfter(input Input, now Instant, roll float64) Instant {
	if input.Answer.Kind == "ok" {
		return nextBeat(input.SentAt, h.lease, input.Answer.Body.NextBeatSeconds, roll)
	}
	interval := PaceOf(h.lease).Interval
	asked := min(interval, input.Answer.RetryAfter) // a server that is busy does not cost the lease
	return now + Instant(max(min(afterAFailedBeat, interval/2), asked))
}

func (h Heart) beatAnswered(input Input, now Instant) (Heart, []Action) {
	answer := *input.Answer
	if answer.Kind == "unclear" {
		return h, nil
	}
	killAt := afterGrace(h.lease, now)
	if answer.Kind == "ok" {
		body := answer.Body
		h = h.delivered()
		if body.Token != "" {
			h.token = body.Token
		}
		// A beat that is answered with stop was not renewed.
		if body.Directive == "stop" {
			return h.stopChild("stop", or(body.Reason, "stopped"), killAt, now)
		}
		// The fence counts from the newest request that was acknowledged, in whatever order the answers came.
		if h.fenceFrom != nil && *h.fenceFrom <= input.SentAt {
			at := input.SentAt
			h.fenceFrom = &at
		}
		if body.Directive == "drain" {
			return h.drainChild(or(body.Reason, "drained"), body.Deadline, now, wallOf(input, now))
		}
		return h, nil
	}
	switch answer.Name {
	case "superseded", "ended":
		return h.stopChild("superseded", answer.Name, killAt, now)
	case "overran":
		return h.stopChild("overran", answer.Name, killAt, now)
	case "malformed", "invalid", "too-large":
		// Progress that the service refuses must not cost the attempt its lease.
		return h.delivered(), nil
	default:
		return h, nil // 401, 403 and the like are about the request, not about the attempt
	}
}

func or(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

// What the last beat carried is not sent again; what the command said meanwhile is.
func (h Heart) delivered() Heart {
	if h.progress == h.sent {
		h.progress = nil
	}
	h.sent = nil
	return h
}

func (h Heart) stopChild(why, reason string, killAt, now Instant) (Heart, []Action) {
	next, signals := raised(h.stop, stop{why: why, reason: reason, killAt: killAt}, now)
	var actions []Action
	if len(signals) > 0 || h.stop == nil || next.why != h.stop.why {
		actions = append(actions, say(saidOfStop(next, signals, now)))
	}
	for _, name := range signals {
		actions = append(actions, Action{Do: DoSignal, Signal: name})
	}
	h.stop = &next
	return h, actions
}

// TERM at once; the beats go on until the command is gone, so that nobody takes its place before.
func (h Heart) drainChild(reason, deadline string, now, wall Instant) (Heart, []Action) {
	drain := Drain
	if h.own.Drain != nil {
		drain = *h.own.Drain
	}
	return h.stopChild("drain", reason, drainedAt(deadline, h.lease, drain, now, wall), now)
}

func (h Heart) childGone(child ChildEnd, now Instant) (Heart, []Action) {
	what, code, codeIfLate := endOf(child, h.forwarded, h.stop, h.own.OnInterrupt)
	if what == nil {
		return leave(code, "stopped: "+h.stop.reason)
	}
	reportFor := valve
	if h.stop != nil && h.stop.why == "self-fenced" && h.own.ReportFor != nil {
		reportFor = *h.own.ReportFor
	}
	next, actions := h.toReport(h.token, *what, code, codeIfLate, now, reportFor)
	if said := saidOfEnd(child, what.Reason); said != "" {
		return next, append([]Action{say(said)}, actions...)
	}
	return next, actions
}

func say(line string) Action { return Action{Do: DoSay, Line: line} }

func interrupted(reason string) wire.Report {
	return wire.Report{Outcome: "interrupted", Reason: reason}
}
