// Package attempt runs a command under one attempt, from its claim to its end.
package attempt

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lastbeat/agent/internal/clock"
	"lastbeat/agent/internal/door"
	"lastbeat/agent/internal/driver"
	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/metadata"
	"lastbeat/agent/internal/process"
	"lastbeat/agent/internal/progress"
	"lastbeat/agent/internal/reports"
	"lastbeat/agent/internal/settings"
	"lastbeat/agent/internal/ticket"
	"lastbeat/agent/internal/voice"
	"lastbeat/agent/internal/wire"
)

// An address that never answers is asked at least that long, whatever the clock of this machine says of the ticket.
const shortestStart = time.Minute

// A ticket of 0.1.0 does not say when its attempt has to start: the longest start window is a day.
const longestStart = 24 * time.Hour

// Exec claims, runs the command under the lease, and reports its end. It returns the exit code.
func Exec(s settings.Exec) int {
	v := voice.New(os.Stderr, s.IsQuiet, s.AsJSON)
	defer v.Close()
	for _, warning := range s.Warnings {
		v.Say(warning)
	}
	code := heart.ExitAgentError
	if claims, ok := ticket.Parse(s.Ticket); !ok {
		v.Say("the ticket is not one of Lastbeat's: take it from the registration or from the requeue message")
	} else {
		v.About(map[string]any{"run": claims.Run, "attempt": claims.Attempt})
		a := attempt{Exec: s, claims: claims, say: v.Say}
		code = a.attend()
	}
	if mapped, ok := s.ExitMap[code]; ok {
		return mapped
	}
	return code
}

type attempt struct {
	settings.Exec
	claims ticket.Claims
	say    func(string)

	driver *driver.Driver
	// The command, once it is started.
	child atomic.Pointer[process.Child]
}

func (a *attempt) attend() int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	random := make([]byte, 16)
	_, _ = rand.Read(random) // does not fail
	id := hex.EncodeToString(random)
	folder := reports.Folder(a.StateDir, a.say)
	// A program that writes its progress without asking must not fail where there is no folder.
	progressFile := os.DevNull
	if folder != "" {
		progressFile = filepath.Join(folder, id+".progress")
		defer os.Remove(progressFile)
	}
	if a.Stall > 0 && folder == "" {
		a.say("--stall needs a progress file, and no folder for it can be used: name one with --state-dir")
		return heart.ExitAgentError
	}
	client := door.NewClient()
	lease := heart.Span(a.claims.Lease)
	caller := door.Caller{
		Run:      a.claims.Run,
		Timeout:  time.Duration(heart.RequestTimeout(lease)) * time.Millisecond,
		Identity: identity(a.IdentityFile),
		Client:   client,
	}
	if folder != "" {
		go reports.DeliverLeftovers(ctx, folder, a.Addresses, caller)
	}
	holder := map[string]string{"id": id}
	for name, fact := range a.Facts {
		holder[name] = fact
	}
	if a.Host != "" {
		holder["host"] = a.Host
	}
	process.BecomeSubreaper()
	watcher := process.StartWatcher(OwnProgram())
	defer watcher.Dismiss()
	keeper := reports.NewKeeper(folder, id, strings.Join(a.Addresses, ","), a.claims.Run, a.say)
	a.driver = driver.New(ctx, driver.Body{
		Doors: door.Open(a.Addresses, caller), Ticket: a.Ticket, Lease: lease, Holder: holder, Own: a.own(),
		Say: a.say, Keep: keeper.Keep, Forget: keeper.Forget,
		Start: func(number, fence int64, ended func(heart.ChildEnd)) driver.Command {
			a.say(fmt.Sprintf("attempt %d of %s is ours, fence %d", number, a.claims.Run, fence))
			if folder != "" {
				go progress.Watch(ctx, progressFile, a.progressed, a.say)
			}
			if a.Metadata != "" {
				go metadata.Poll(ctx, a.Metadata, a.announced, a.say)
			}
			return a.start(number, fence, progressFile, watcher, ended)
		},
	})
	a.listen()
	left := a.driver.Run()
	a.logTermination(left)
	return left.Code
}

// OwnProgram is the file of this program, also when it was replaced or removed meanwhile.
func OwnProgram() string {
	if _, err := os.Stat("/proc/self/exe"); err == nil {
		return "/proc/self/exe"
	}
	program, _ := os.Executable()
	return program
}

func span(duration time.Duration) *heart.Span {
	if duration <= 0 {
		return nil
	}
	value := heart.Span(duration.Milliseconds())
	return &value
}

func (a *attempt) own() heart.Own {
	startBy := a.StartBy
	if startBy.IsZero() {
		startBy = a.claims.StartBy
	}
	left := longestStart
	if !startBy.IsZero() {
		left = max(shortestStart, time.Until(startBy))
	}
	at := clock.Now() + heart.Instant(left.Milliseconds())
	return heart.Own{Drain: span(a.Drain), Stall: span(a.Stall), ReportFor: span(a.Report), StartBy: &at}
}

func (a *attempt) progressed(said *wire.Progress) {
	a.driver.Feed(heart.Input{Kind: heart.Progressed, Progress: said})
}

func (a *attempt) announced(what metadata.Announcement) {
	wall := heart.Instant(time.Now().UnixMilli())
	a.driver.Feed(heart.Input{Kind: heart.Noticed, Notice: what.Notice, At: what.At, Deadline: what.Deadline, WallAt: &wall})
}

// What the command is told: who it is, and the fence for its own writes. It is not handed the ticket.
func (a *attempt) environment(number, fence int64, progressFile string) []string {
	var environment []string
	for _, one := range os.Environ() {
		name, _, _ := strings.Cut(one, "=")
		switch name {
		case "LASTBEAT_TICKET", "LASTBEAT_PROGRESS_FILE", "LASTBEAT_RUN_ID", "LASTBEAT_ATTEMPT", "LASTBEAT_FENCE":
		default:
			environment = append(environment, one)
		}
	}
	return append(append(environment, process.Mark(a.claims.Run, fence)...),
		fmt.Sprintf("LASTBEAT_ATTEMPT=%d", number), "LASTBEAT_PROGRESS_FILE="+progressFile)
}

func (a *attempt) start(
	number, fence int64, progressFile string, watcher *process.Watcher, ended func(heart.ChildEnd),
) driver.Command {
	linger := a.Drain
	if linger <= 0 {
		linger = time.Duration(heart.Drain) * time.Millisecond
	}
	mark := process.Mark(a.claims.Run, fence)
	watcher.Over(0, mark) // before there is a moment in which the agent could be killed beside its command
	child := process.Start(process.Command{
		Args:       a.Command,
		Env:        a.environment(number, fence, progressFile),
		OnlyLeader: a.OnlyLeader,
		Grace:      time.Duration(heart.PaceOf(heart.Span(a.claims.Lease)).Grace) * time.Millisecond,
		Linger:     linger,
		Say:        a.say,
	}, func(end heart.ChildEnd) {
		a.keysOfTerminal(end)
		ended(end)
	})
	a.child.Store(child)
	if child.PID() != 0 {
		watcher.Over(child.PID(), mark)
	}
	return command{child}
}

// Keys of a terminal reach the command, and not the agent: a command that died of one was interrupted all the same.
func (a *attempt) keysOfTerminal(end heart.ChildEnd) {
	child := a.child.Load()
	if child == nil || !child.HasTerminal() {
		return
	}
	for _, number := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP} {
		if end.Status == 128+int(number) {
			a.driver.Feed(heart.Input{Kind: heart.Signaled, Signal: process.SignalName(number), Number: int(number)})
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

// Listens to all signals that can be caught, but those that are about the agent's own children, writes and threads, and those that were
// ignored when it started, as SIGHUP is under nohup. They stay caught to the end: a signal between the end of the work and the end of the
// agent must not turn a success into a failure.
func (a *attempt) listen() {
	signals := make(chan os.Signal, 64)
	var wanted []os.Signal
	for number := syscall.Signal(1); number <= 64; number++ {
		switch number {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGTTIN, syscall.SIGTTOU,
			syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGPROF:
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
			case syscall.SIGPIPE: // nobody reads the log any more: that is the log's matter
			case syscall.SIGTSTP:
				a.suspend()
			case syscall.SIGCONT:
				if child := a.child.Load(); child != nil {
					child.Resume()
				}
			default:
				a.driver.Feed(heart.Input{Kind: heart.Signaled, Signal: process.SignalName(number), Number: int(number)})
			}
		}
	}()
}

// Ctrl-Z, or a scheduler that suspends: the command stops, and then the agent. On SIGCONT both go on, and the agent's own deadline decides.
func (a *attempt) suspend() {
	if child := a.child.Load(); child != nil {
		child.Suspend()
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

var visible = regexp.MustCompile(`^[\x21-\x7e]+$`)

// The token in a file, read each time: the kubelet replaces it before it expires. One that cannot be read is not shown.
func identity(file string) func() string {
	if file == "" {
		return nil
	}
	return func() string {
		text, _ := os.ReadFile(file)
		if token := strings.TrimSpace(string(text)); visible.MatchString(token) {
			return token
		}
		return ""
	}
}

// What Kubernetes shows as the message of a container that ended, even when the network is dead.
const terminationLog = "/dev/termination-log"

// Appends one line about the attempt's end to the termination log. An attempt without a report was never started, or is not ours any more.
func (a *attempt) logTermination(left driver.Left) {
	file := a.TerminationLog
	if file == "" {
		if _, err := os.Stat(terminationLog); err != nil {
			return
		}
		file = terminationLog
	}
	outcome, reason := "interrupted", left.Why
	if left.Report != nil {
		outcome, reason = left.Report.Outcome, left.Report.Reason
	}
	code := left.Code
	if mapped, ok := a.ExitMap[code]; ok {
		code = mapped
	}
	line := map[string]any{
		"run": a.claims.Run, "attempt": a.claims.Attempt, "fence": a.claims.Fence, "outcome": outcome, "exitCode": code,
	}
	if reason != "" {
		line["reason"] = reason
	}
	text, _ := json.Marshal(map[string]any{"lastbeat": line})
	// The report has gone out by its own way; this line is for people, and not worth an exit code.
	if opened, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
		_, _ = opened.Write(append(text, '\n'))
		opened.Close()
	}
}
