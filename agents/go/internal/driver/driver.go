// Package driver lets a heart beat on real time and real doors until it leaves.
package driver

import (
	"context"
	"math/rand/v2"
	"time"

	"lastbeat/agent/internal/clock"
	"lastbeat/agent/internal/door"
	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/wire"
)

// Command is what a heart has started.
type Command interface{ Signal(name string) }

// Body is what a heart is connected to.
type Body struct {
	Doors  *door.Doors
	Ticket string
	Lease  heart.Span
	Holder map[string]string
	Own    heart.Own
	// Start starts the work; ended is called once, from any goroutine.
	Start func(attempt, fence int64, ended func(heart.ChildEnd)) Command
	Say   func(line string)
	// Keep keeps the report until Forget, which comes when it was answered.
	Keep   func(token string, report wire.Report)
	Forget func()
	// Resume is the attempt that another process of this agent has started; nil to claim one.
	Resume *Resume
	// Held, if it is set, is told what the next process has to know, whenever that changes.
	Held func(heart.Hold)
}

// Resume is an attempt that goes on.
type Resume struct {
	Attempt, Fence int64
	Hold           heart.Hold
}

// Left is how the agent left: with the code, after this report, for that reason.
type Left struct {
	Code   int
	Report *wire.Report
	Why    string
}

// Driver is a heart at work.
type Driver struct {
	body   Body
	inputs chan named
	ctx    context.Context
	left   *Left
	leave  chan Left

	command Command
	report  *wire.Report

	// What was said of the last answer.
	said string

	// What Held was told last.
	held heart.Hold
}

// An input, with the name of the request that it answers.
type named struct {
	heart.Input
	name string
}

// A timer stands still while the machine is suspended, so the clock is looked at often enough for a command that should be gone already to be
// stopped as soon as the machine is awake.
const longestSleep = time.Second

// New makes a driver; Run lets it go.
func New(ctx context.Context, body Body) *Driver {
	return &Driver{body: body, inputs: make(chan named, 64), leave: make(chan Left, 1), ctx: ctx}
}

// Feed tells the heart what has happened. It may be called from any goroutine.
func (d *Driver) Feed(input heart.Input) { d.asked("", input) }

func (d *Driver) asked(name string, input heart.Input) {
	select {
	case d.inputs <- named{input, name}:
	case <-d.ctx.Done(): // the agent has left
	}
}

// Abandon lets the driver leave without a report: how the attempt has ended cannot be known any more, so its lease decides.
func (d *Driver) Abandon(code int, why string) {
	select {
	case d.leave <- Left{Code: code, Why: why}:
	default: // it leaves already
	}
}

func wallClock() *heart.Instant {
	now := heart.Instant(time.Now().UnixMilli())
	return &now
}

// Run returns when the heart has left.
func (d *Driver) Run() Left {
	h := heart.New(d.body.Lease, clock.Now(), d.body.Own)
	if resume := d.body.Resume; resume != nil {
		h = heart.Resume(d.body.Lease, clock.Now(), d.body.Own, resume.Hold)
		d.start(resume.Attempt, resume.Fence)
	}
	input := named{Input: heart.Input{Kind: heart.Wake}}
	timer := time.NewTimer(longestSleep)
	defer timer.Stop()
	for {
		// What the time demands comes first: an agent that was stopped for long must fence its work before it hears what has become of it.
		if at := h.WakeAt(); at != nil && *at <= clock.Now() && input.Kind != heart.Wake {
			h = d.step(h, named{Input: heart.Input{Kind: heart.Wake}})
		}
		if d.left == nil {
			h = d.step(h, input)
		}
		if d.left != nil {
			return *d.left
		}
		wait := longestSleep
		if at := h.WakeAt(); at != nil {
			wait = min(wait, max(0, time.Duration(*at-clock.Now())*time.Millisecond))
		}
		timer.Reset(wait)
		select {
		case left := <-d.leave:
			return left
		case input = <-d.inputs:
		case <-timer.C:
			input = named{Input: heart.Input{Kind: heart.Wake}}
		}
	}
}

func (d *Driver) step(h heart.Heart, input named) heart.Heart {
	h, actions := h.Step(input.Input, clock.Now(), rand.Float64())
	d.tellHold(h) // before the work starts: the agent could be killed or stopped at any moment after
	isSaid := false
	for _, action := range actions {
		d.perform(action)
		isSaid = isSaid || action.Do == heart.DoSay || action.Do == heart.DoExit
	}
	d.sayNews(input, isSaid)
	return h
}

func (d *Driver) tellHold(h heart.Heart) {
	hold, ok := h.Hold()
	if d.body.Held == nil || !ok || (hold.Token == d.held.Token && isSame(hold.FenceFrom, d.held.FenceFrom)) {
		return
	}
	d.held = hold
	d.body.Held(hold)
}

func isSame(one, other *heart.Instant) bool {
	return one == other || (one != nil && other != nil && *one == *other)
}

func (d *Driver) perform(action heart.Action) {
	switch action.Do {
	case heart.DoClaim:
		d.ask("claim", heart.Claimed, func() heart.Answer { return d.body.Doors.Claim(d.ctx, d.body.Ticket, d.body.Holder) })
	case heart.DoBeat:
		d.ask("beat", heart.Beaten, func() heart.Answer { return d.body.Doors.Beat(d.ctx, action.Token, action.Progress) })
	case heart.DoFinish:
		isFirst := d.report == nil
		d.report = action.Report
		d.ask("finish", heart.Reported, func() heart.Answer {
			if isFirst {
				d.body.Keep(action.Token, *action.Report)
			}
			answer := d.body.Doors.Finish(d.ctx, action.Token, *action.Report)
			if answer.IsDefinite() {
				d.body.Forget()
			}
			return answer
		})
	case heart.DoNotice:
		go d.tell(action)
	case heart.DoStart:
		d.start(action.Attempt, action.Fence)
	case heart.DoSignal:
		if d.command != nil {
			d.command.Signal(action.Signal)
		}
	case heart.DoSay:
		d.body.Say(action.Line)
	case heart.DoExit:
		if action.Why != "" {
			d.body.Say(action.Why)
		}
		d.left = &Left{Code: *action.Code, Report: d.report, Why: action.Why}
	}
}

func (d *Driver) start(attempt, fence int64) {
	d.command = d.body.Start(attempt, fence, func(end heart.ChildEnd) {
		d.Feed(heart.Input{Kind: heart.Exited, End: &end})
	})
}

// Asks a door on a goroutine of its own, and feeds the heart with the answer.
func (d *Driver) ask(name string, kind heart.Kind, call func() heart.Answer) {
	sentAt := clock.Now()
	go func() {
		answer := call()
		input := heart.Input{Kind: kind, SentAt: sentAt, Answer: &answer}
		if kind == heart.Beaten {
			input.WallAt = wallClock()
		}
		d.asked(name, input)
	}()
}

func reasonOf(answer heart.Answer) string {
	if answer.Kind == "problem" {
		return answer.Name + ", " + answer.Detail
	}
	return answer.Detail
}

// Says what a request came to, unless the heart has said it. A gate is asked every second: the same answer is said once.
func (d *Driver) sayNews(input named, isSaid bool) {
	if input.Answer == nil || input.Answer.Kind == "ok" || isSaid || input.name == "" {
		return
	}
	line := input.name + ": " + reasonOf(*input.Answer) + "; it is tried again"
	if line != d.said {
		d.body.Say(line)
	}
	d.said = line
}

// Sent and forgotten: the beats and the report do without it.
func (d *Driver) tell(action heart.Action) {
	at := action.At
	if at == "" {
		at = wire.FormatInstant(time.Now().UnixMilli())
	}
	answer := d.body.Doors.Notice(d.ctx, action.Token, door.Notice{Kind: action.Kind, At: at, Deadline: action.Deadline})
	if answer.Kind != "ok" && d.ctx.Err() == nil {
		d.body.Say("notice " + action.Kind + ": " + reasonOf(answer))
	}
}
