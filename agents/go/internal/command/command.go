// Package command is work that is a process: a command that the agent starts, signals and reaps.
package command

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lastbeat/agent/internal/attempt"
	"lastbeat/agent/internal/driver"
	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/memory"
	"lastbeat/agent/internal/process"
	"lastbeat/agent/internal/settings"
)

// Exec claims, runs the command under the lease, and reports its end. It returns the exit code.
func Exec(s settings.Exec) int {
	code := attempt.Run(s.Attempt, attempt.NewID(), func(a *attempt.Attempt) attempt.Work {
		process.BecomeSubreaper()
		watcher := process.StartWatcher(OwnProgram())
		a.Held = func(hold heart.Hold) { watcher.Until(hold.KillAt(heart.Span(a.Claims.Lease))) }
		return &work{Exec: s, attempt: a, watcher: watcher, own: attempt.NewID()}
	})
	if mapped, ok := s.ExitMap[code]; ok {
		return mapped
	}
	return code
}

// OwnProgram is the file of this program, also when it was replaced or removed meanwhile.
func OwnProgram() string {
	if _, err := os.Stat("/proc/self/exe"); err == nil {
		return "/proc/self/exe"
	}
	program, _ := os.Executable()
	return program
}

type work struct {
	settings.Exec
	attempt *attempt.Attempt
	watcher *process.Watcher
	// A word of this agent's own, for the environment of its command.
	own string
	// The command, once it is started. Under the mutex it is known from its first moment.
	starting sync.Mutex
	child    atomic.Pointer[process.Child]
}

// Close lets the watcher go.
func (w *work) Close() { w.watcher.Dismiss() }

// Start starts the command.
func (w *work) Start(start attempt.Start) driver.Command {
	linger := w.Drain
	if linger <= 0 {
		linger = time.Duration(heart.Drain) * time.Millisecond
	}
	claims := w.attempt.Claims
	mark := process.Mark(claims.Run, start.Fence, w.own)
	w.watcher.Over(0, mark) // before there is a moment in which the agent could be killed beside its command
	kills := memory.Watch("/")
	w.starting.Lock()
	defer w.starting.Unlock()
	child := process.Start(process.Command{
		Args:       w.Command,
		Env:        w.environment(start),
		OnlyLeader: w.OnlyLeader,
		Grace:      time.Duration(heart.PaceOf(heart.Span(claims.Lease)).Grace) * time.Millisecond,
		Linger:     linger,
		Say:        w.attempt.Say,
	}, func(end heart.ChildEnd) {
		w.watcher.Dismiss()
		w.keysOfTerminal(end)
		if limit, isKilled := kills.End(); isKilled {
			end.OutOfMemory = &heart.OutOfMemory{LimitBytes: limit}
		}
		start.Ended(end)
	})
	w.child.Store(child)
	if child.PID() != 0 {
		w.watcher.Over(child.PID(), mark)
	}
	return command{child}
}

// What the command is told: who it is, and the fence for its own writes. It is not handed the ticket.
func (w *work) environment(start attempt.Start) []string {
	var environment []string
	for _, one := range os.Environ() {
		name, _, _ := strings.Cut(one, "=")
		switch name {
		case "LASTBEAT_TICKET", "LASTBEAT_PROGRESS_FILE", "LASTBEAT_RUN_ID", "LASTBEAT_ATTEMPT", "LASTBEAT_FENCE", "LASTBEAT_AGENT":
		default:
			environment = append(environment, one)
		}
	}
	return append(append(environment, process.Mark(w.attempt.Claims.Run, start.Fence, w.own)...),
		fmt.Sprintf("LASTBEAT_ATTEMPT=%d", start.Number), "LASTBEAT_PROGRESS_FILE="+start.ProgressFile)
}

// Keys of a terminal reach the command, and not the agent: a command that died of one was interrupted all the same.
func (w *work) keysOfTerminal(end heart.ChildEnd) {
	child := w.child.Load()
	if child == nil || !child.HasTerminal() {
		return
	}
	for _, number := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP} {
		if end.Status == 128+int(number) {
			w.attempt.Feed(heart.Input{Kind: heart.Signaled, Signal: process.SignalName(number), Number: int(number)})
		}
	}
}

type command struct{ child *process.Child }

// Signal passes on a signal by its name; SIG34 and the like have none.
func (c command) Signal(name string) { c.child.Signal(numberOf(name)) }

func numberOf(name string) syscall.Signal {
	if number := unix.SignalNum(name); number != 0 {
		return number
	}
	var number int
	_, _ = fmt.Sscanf(name, "SIG%d", &number)
	return syscall.Signal(number)
}

// Listen hears all signals that can be caught, but those that are about the agent's own children, writes and threads, and those that were
// ignored when it started, as SIGHUP is under nohup. They stay caught to the end: a signal between the end of the work and the end of the
// agent must not turn a success into a failure.
func (w *work) Listen() {
	signals := make(chan os.Signal, 64)
	var wanted []os.Signal
	for number := syscall.Signal(1); number <= 64; number++ {
		switch number {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGTTIN, syscall.SIGTTOU,
			syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGPROF,
			syscall.SIGPIPE: // main catches it, from the first line on
			continue
		}
		if !signal.Ignored(number) {
			wanted = append(wanted, number)
		}
	}
	signal.Notify(signals, wanted...)
	go func() {
		for one := range signals {
			number := one.(syscall.Signal)
			switch number {
			case syscall.SIGTSTP:
				w.suspend()
			case syscall.SIGCONT:
				w.attempt.Feed(heart.Input{Kind: heart.Wake}) // its deadline may be over
				if child := w.child.Load(); child != nil {
					child.Resume()
				}
			default:
				w.attempt.Feed(heart.Input{Kind: heart.Signaled, Signal: process.SignalName(number), Number: int(number)})
			}
		}
	}()
}

// Ctrl-Z, or a scheduler that suspends: the command stops, and then the agent. On SIGCONT both go on, and the agent's own deadline decides.
func (w *work) suspend() {
	w.starting.Lock()
	defer w.starting.Unlock()
	if child := w.child.Load(); child != nil {
		child.Suspend()
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}
