package pod

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"lastbeat/agent/internal/attempt"
	"lastbeat/agent/internal/driver"
	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/process"
)

// The main container, as the work of an attempt.
type work struct {
	attempt *attempt.Attempt
	api     *cluster
	ctx     context.Context
	// Gets a value when the pod has to be looked at.
	asked chan struct{}
	// Of one goroutine alone.
	follower follower

	mutex sync.Mutex
	kept  *state
	mark  []string
	// Whether the attempt is ours.
	isStarted bool
	// Whether the main container was told to leave, and whether the kubelet has to end it.
	isStopping, isOver bool
	// Whether the kubelet has ended this container.
	isTermed bool
	// When the main container was probed last, and whether nobody has answered for so long that the kubelet may have ended it for that.
	probedAt time.Time
	hasGap   bool
}

// A probe that comes so late was not answered in time before, or not asked.
const mostBetweenProbes = 30 * time.Second

// Started answers the startupProbe.
func (w *work) Started() (bool, string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.isStarted, "the attempt is not ours yet"
}

// Live answers the livenessProbe of the main container.
func (w *work) Live() (bool, string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !w.probedAt.IsZero() && time.Since(w.probedAt) > mostBetweenProbes {
		w.hasGap = true
	}
	w.probedAt = time.Now()
	return !w.isOver, "the main container has to stop"
}

// Leaving is the preStop hook of the sidecar, which the kubelet calls at once when the pod is to go, and also after the main container's end.
func (w *work) Leaving() { w.ask() }

func (w *work) ask() {
	select {
	case w.asked <- struct{}{}:
	default: // a look is due already
	}
}

// Listen waits for the SIGTERM of the kubelet.
func (w *work) Listen() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP)
	go func() {
		for one := range signals {
			w.mutex.Lock()
			isStarted := w.isStarted
			w.isTermed = true
			w.mutex.Unlock()
			if isStarted {
				w.ask() // a native sidecar is ended after the main container
				continue
			}
			w.feedSignal(one.(syscall.Signal))
		}
	}()
}

func (w *work) feedSignal(number syscall.Signal) {
	w.attempt.Feed(heart.Input{Kind: heart.Signaled, Signal: process.SignalName(number), Number: int(number)})
}

// Close has nothing to do: what the sidecar has opened goes with it.
func (w *work) Close() {}

// Start opens the gate.
func (w *work) Start(start attempt.Start) driver.Command {
	w.mutex.Lock()
	w.isStarted, w.mark = true, process.Mark(w.attempt.Claims.Run, start.Fence)
	w.kept.Attempt, w.kept.Fence = start.Number, start.Fence
	err := w.kept.save()
	w.mutex.Unlock()
	w.sayUnkept(err)
	go w.follow(start.Ended)
	return w
}

// Signal has the main container stopped: by the kubelet, and by the sidecar itself where it sees the processes of the pod.
func (w *work) Signal(name string) {
	number := syscall.SIGTERM
	switch name {
	case "SIGKILL":
		number = syscall.SIGKILL
	case "SIGTERM":
	default:
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.isStopping = true
	// The kubelet cannot do less than TERM and KILL after the grace of the probe. Where the sidecar can, the work has all its time to drain.
	isTold := process.SignalMarked(w.mark, number) > 0
	if number == syscall.SIGKILL || !isTold {
		w.isOver = true
	}
	w.ask()
}

// Is told what the next process has to know.
func (w *work) held(hold heart.Hold) {
	w.mutex.Lock()
	w.kept.Hold, w.kept.UID = &hold, w.follower.uid
	err := w.kept.save()
	w.mutex.Unlock()
	w.sayUnkept(err)
}

// Leaves the attempt to its lease. The kubelet starts this container again until it has ended the main one, and the next process must not beat.
func (w *work) abandon(why string) {
	w.mutex.Lock()
	w.kept.Abandoned = true
	err := w.kept.save()
	w.mutex.Unlock()
	w.sayUnkept(err)
	w.attempt.Abandon(why)
}

func (w *work) sayUnkept(err error) {
	if err != nil {
		w.attempt.Say(fmt.Sprintf("the state of the sidecar is not kept: %v", err))
	}
}

// Looks at the pod until the main container has ended: often while that matters, and not at all while it runs.
func (w *work) follow(ended func(heart.ChildEnd)) {
	f := &w.follower
	said, isTold := "", false
	for {
		var timer <-chan time.Time
		if wait, ok := f.pause(w.isUrgent(), time.Now()); ok {
			timer = time.After(wait)
		}
		select {
		case <-w.ctx.Done():
			return
		case <-w.asked:
			f.askedAt = time.Now()
		case <-timer:
		}
		v, err := w.api.read(w.ctx)
		n := f.learn(v, err, time.Now())
		if n.failure != "" && n.failure != said {
			w.attempt.Say("how the main container is, is not known: " + n.failure + "; the question is asked again")
		}
		said = n.failure
		switch {
		case n.isForeign:
			w.Signal("SIGKILL")
			w.abandon("this pod was deleted, and another one has its name: the end of its main container cannot be known, and the lease decides")
			return
		case n.isGoing && !isTold:
			// The service hears of it, as of a SIGTERM, and announces the successor while the main container drains.
			isTold = true
			w.feedSignal(syscall.SIGTERM)
		}
		if n.end != nil {
			w.explain(*n.end, n.isGoing)
			ended(*n.end)
			return
		}
		time.Sleep(lookAtEnd) // also where somebody asks more often
	}
}

func (w *work) isUrgent() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.isTermed || w.isStopping
}

// A death by a signal that somebody meant for the pod, or that came because nobody answered the probes, is not the work's own failure: it is
// an interruption, as a signal that was passed on.
func (w *work) explain(end heart.ChildEnd, isGoing bool) {
	w.mutex.Lock()
	hasGap := w.hasGap
	w.mutex.Unlock()
	if end.OutOfMemory != nil || (!isGoing && !hasGap) {
		return
	}
	switch end.Signal {
	case "SIGKILL":
		w.feedSignal(syscall.SIGKILL)
	case "SIGTERM":
		w.feedSignal(syscall.SIGTERM)
	}
}
