package heart

import (
	"fmt"
	"math"

	"lastbeat/agent/internal/wire"
)

const (
	// Between two claims or reports that failed: from 1 s, doubled, up to 10 s.
	longestRetry Span = 10_000
	// So much of a wait is left to chance: agents that were cut off together do not come back together.
	retryJitter = 0.5
	// Between two claims that are held at the gate.
	hold Span = 1_000
	// No verdict waits longer: after that the attempt counts as lost anyway (lib/core/valve.ts).
	valve Span = 15 * 60_000
)

// Signals that end most programs. An agent without a command ends by them, too.
func isEnding(name string) bool {
	return name == "SIGTERM" || name == "SIGINT" || name == "SIGHUP" || name == "SIGQUIT"
}

// New is a heart that has not asked yet. The lease is the one that the ticket names.
func New(lease Span, now Instant, own Own) Heart {
	return Heart{Phase: Claiming, lease: lease, own: own, askAt: &now}
}

// Hold is what another process has to know to go on with an attempt.
type Hold struct {
	Token string `json:"token"`
	// FenceFrom is when the newest acknowledged request was sent; nil where a cut-off does not stop the work.
	FenceFrom *Instant `json:"fenceFrom,omitempty"`
}

// Resume is a heart that goes on with an attempt that another process has claimed and started. It does not claim again: the ticket may be over,
// and a claim that is answered with a drain means that nothing was started yet.
func Resume(lease Span, now Instant, own Own, hold Hold) Heart {
	return Heart{
		Phase: Beating, lease: lease, own: own, token: hold.Token, beatAt: &now, fenceFrom: hold.FenceFrom, progressedAt: &now,
	}
}

// Hold is what the next process has to know, while there is something to go on with.
func (h Heart) Hold() (hold Hold, ok bool) {
	// An attempt that has fenced itself has no such time any more, and is not free of its deadline.
	if h.Phase != Beating || (h.fenceFrom == nil && h.stop != nil) {
		return hold, false
	}
	return Hold{Token: h.token, FenceFrom: h.fenceFrom}, true
}

// KillAt is when the work has to be gone, because another attempt may start soon; nil where a cut-off does not stop it.
func (h Hold) KillAt(lease Span) *Instant {
	if h.FenceFrom == nil {
		return nil
	}
	_, at := selfFenceAt(*h.FenceFrom, lease)
	return &at
}

// RequestTimeout is how long an answer is waited for; what comes later is dropped.
func RequestTimeout(lease Span) Span { return PaceOf(lease).Timeout }

// WakeAt is when the heart wants to be woken; nil when only an answer or the command can move it.
func (h Heart) WakeAt() *Instant {
	switch h.Phase {
	case Claiming, Reporting:
		return h.askAt
	case Beating:
		return h.wakeBeatingAt()
	default:
		return nil
	}
}

// Step is the agent's whole behaviour. Time is its monotonic clock, and roll in [0, 1) its dice.
func (h Heart) Step(input Input, now Instant, roll float64) (Heart, []Action) {
	switch h.Phase {
	case Claiming:
		return h.claiming(input, now, roll)
	case Beating:
		return h.beating(input, now, roll)
	case Reporting:
		return h.reporting(input, now, roll)
	default:
		return h, nil
	}
}

func leave(code int, why string) (Heart, []Action) {
	return Heart{Phase: Gone}, []Action{{Do: DoExit, Code: &code, Why: why}}
}

// The larger of our own wait and of what the server asks for.
func retry(tries int, roll float64, asked Span) Span {
	longest := min(longestRetry, 1_000<<min(tries, 10))
	return max(Span(float64(longest)*float64(1-retryJitter*roll)), asked)
}

func (h Heart) claiming(input Input, now Instant, roll float64) (Heart, []Action) {
	switch input.Kind {
	case Wake:
		if h.askAt == nil || *h.askAt > now {
			return h, nil
		}
		h.askAt = nil
		return h, []Action{{Do: DoClaim}}
	case Signaled:
		if !isEnding(input.Signal) {
			return h, nil
		}
		if h.askAt != nil {
			return leave(128+input.Number, input.Signal+" before the attempt was claimed")
		}
		h.leaving = &signal{input.Signal, input.Number}
		return h, nil
	case Claimed:
		return h.claimAnswered(input.SentAt, *input.Answer, now, roll)
	default:
		return h, nil
	}
}

func (h Heart) claimAnswered(sentAt Instant, answer Answer, now Instant, roll float64) (Heart, []Action) {
	// Our process was suspended, or the network was slow: the lease that was granted then may be over.
	isLate := sentAt+Instant(RequestTimeout(h.lease)) < now
	if answer.Kind == "ok" && isLate {
		answer = Answer{Kind: "unclear", Detail: "granted too late"}
	}
	if answer.Kind == "ok" {
		return h.granted(sentAt, answer.Body, now, roll)
	}
	if h.leaving != nil {
		return leave(128+h.leaving.number, h.leaving.name+" before the attempt was claimed")
	}
	if answer.Kind == "unclear" || isLate {
		if h.own.StartBy != nil && *h.own.StartBy <= now {
			return leave(ExitAgentError, saidOfNobody(answer.Detail))
		}
		at := now + Instant(retry(h.tries, roll, answer.RetryAfter))
		h.tries, h.askAt = h.tries+1, &at
		return h, nil
	}
	switch answer.Name {
	case "hold":
		at := now + Instant(max(hold, answer.RetryAfter))
		h.tries, h.askAt = 0, &at
		return h, nil
	case "superseded", "held-by-another", "ended", "overran":
		detail := ""
		if answer.Detail != "" {
			detail = ", " + answer.Detail
		}
		return leave(ExitSuperseded, "not started: "+answer.Name+detail)
	default:
		return leave(ExitAgentError, fmt.Sprintf("the claim was refused: %s, %s", answer.Name, answer.Detail))
	}
}

func (h Heart) granted(sentAt Instant, body wire.Body, now Instant, roll float64) (Heart, []Action) {
	if h.leaving != nil {
		return h.toReport(body.Token, endedBy(h.leaving.name, h.own.OnInterrupt), 128+h.leaving.number, nil, now, valve)
	}
	switch body.Directive {
	case "stop":
		return h.toReport(body.Token, interrupted("stopped before the start"), ExitSuperseded, nil, now, valve)
	case "drain":
		return h.toReport(body.Token, interrupted("drained before the start"), ExitPreempted, nil, now, valve)
	}
	beatAt := nextBeat(sentAt, h.lease, body.NextBeatSeconds, roll)
	next := Heart{Phase: Beating, lease: h.lease, own: h.own, token: body.Token, beatAt: &beatAt, progressedAt: &now}
	if body.OnCutOff != "continue" {
		next.fenceFrom = &sentAt
	}
	return next, []Action{{Do: DoStart, Attempt: body.Attempt, Fence: body.Fence}}
}

// The end is there; from now on it is reported, for so long at most.
func (h Heart) toReport(token string, what wire.Report, code int, codeIfLate *int, now Instant, reportFor Span) (Heart, []Action) {
	next := Heart{
		Phase: Reporting, lease: h.lease, own: h.own,
		token: token, report: what, code: code, codeIfLate: codeIfLate, until: now + Instant(reportFor),
	}
	return next, []Action{next.finish()}
}

func (h Heart) finish() Action {
	what := h.report
	return Action{Do: DoFinish, Token: h.token, Report: &what}
}

// IsDefinite tells whether the same would be answered again. Until then a report is repeated, and stays on disk: problems of the way to the
// service may be repaired by a better deploy.
func (a Answer) IsDefinite() bool {
	switch a.Name {
	case "unauthorized", "wrong-run", "not-found", "foreign-origin", "method-not-allowed":
		return false
	}
	return a.Kind != "unclear"
}

func orElse(code *int, other int) int {
	if code != nil {
		return *code
	}
	return other
}

// Somebody wants the agent gone: one more try at once, and the next signal ends it. The report stays on disk.
func (h Heart) hurried(now Instant) (Heart, []Action) {
	if h.until <= now {
		return leave(orElse(h.codeIfLate, ExitAgentError), "told to end before the end was reported")
	}
	h.until = now
	if h.askAt == nil {
		return h, nil
	}
	h.askAt = nil
	return h, []Action{h.finish()}
}

func (h Heart) reporting(input Input, now Instant, roll float64) (Heart, []Action) {
	if input.Kind == Wake && h.askAt != nil && *h.askAt <= now {
		h.askAt = nil
		return h, []Action{h.finish()}
	}
	if input.Kind == Signaled && isEnding(input.Signal) {
		return h.hurried(now)
	}
	if input.Kind != Reported {
		return h, nil
	}
	answer := *input.Answer
	if answer.Kind == "ok" {
		if answer.Body.Outcome == "succeeded" && h.report.Outcome == "succeeded" {
			return leave(0, "")
		}
		return leave(h.code, "")
	}
	if !answer.IsDefinite() {
		if now >= h.until {
			return leave(orElse(h.codeIfLate, ExitAgentError), "the end could not be reported: "+answer.Detail)
		}
		at := now + Instant(retry(h.tries, roll, answer.RetryAfter))
		h.tries, h.askAt = h.tries+1, &at
		return h, nil
	}
	switch answer.Name {
	case "superseded", "ended":
		return leave(orElse(h.codeIfLate, ExitSuperseded), "the end came too late: "+answer.Name)
	default:
		return leave(ExitAgentError, fmt.Sprintf("the end was refused: %s, %s", answer.Name, answer.Detail))
	}
}

// When the beat after this one is due: an interval after it was sent, which jitter only shortens.
func nextBeat(sentAt Instant, lease Span, askedSeconds, roll float64) Instant {
	interval := math.Min(float64(PaceOf(lease).Interval)/1000, math.Max(shortestInterval, askedSeconds))
	return sentAt + Instant(Seconds(float64(interval*float64(1-float64(jitter*roll)))))
}
