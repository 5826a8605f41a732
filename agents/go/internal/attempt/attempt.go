// Package attempt keeps one attempt of a run, from its claim to its end, whatever its work is.
package attempt

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"lastbeat/agent/internal/clock"
	"lastbeat/agent/internal/disk"
	"lastbeat/agent/internal/door"
	"lastbeat/agent/internal/driver"
	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/metadata"
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

// Work is what an attempt is about: a command, or the main container of a pod.
type Work interface {
	// Start starts the work of an attempt that is ours.
	Start(start Start) driver.Command
	// Listen begins to hear what the outside says to the agent.
	Listen()
	// Close is called at the end of the agent.
	Close()
}

// Start is the beginning of an attempt.
type Start struct {
	Number, Fence int64
	ProgressFile  string
	// Ended takes the end of the work, once, from any goroutine.
	Ended func(heart.ChildEnd)
}

// Attempt is one attempt.
type Attempt struct {
	settings.Attempt
	Claims ticket.Claims
	// Say takes a line for people.
	Say func(line string)
	// Resume is the attempt that another process has started; nil to claim one. Held is told what the next process has to know.
	Resume *driver.Resume
	Held   func(heart.Hold)

	driver *driver.Driver
}

// NewID makes a holder id: 128 random bits.
func NewID() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // does not fail
	return hex.EncodeToString(random)
}

// Run claims as this holder, does the work under the lease, and reports its end. It returns the exit code.
func Run(s settings.Attempt, id string, workOf func(*Attempt) Work) int {
	v := voice.New(os.Stderr, s.IsQuiet, s.AsJSON)
	defer v.Close()
	for _, warning := range s.Warnings {
		v.Say(warning)
	}
	claims, ok := ticket.Parse(s.Ticket)
	if !ok {
		v.Say("the ticket is not one of Lastbeat's: take it from the registration or from the requeue message")
		return heart.ExitAgentError
	}
	v.About(map[string]any{"run": claims.Run, "attempt": claims.Attempt})
	a := &Attempt{Attempt: s, Claims: claims, Say: v.Say}
	return a.attend(id, workOf)
}

func (a *Attempt) attend(id string, workOf func(*Attempt) Work) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	folder := reports.Folder(a.StateDir, a.Say)
	// A program that writes its progress without asking must not fail where there is no folder.
	progressFile := os.DevNull
	if folder != "" {
		progressFile = filepath.Join(folder, id+".progress")
		defer os.Remove(progressFile)
	}
	if a.Stall > 0 && folder == "" {
		a.Say("--stall needs a progress file, and no folder for it can be used: name one with --state-dir")
		return heart.ExitAgentError
	}
	lease := heart.Span(a.Claims.Lease)
	caller := door.Caller{
		Run:      a.Claims.Run,
		Timeout:  time.Duration(heart.RequestTimeout(lease)) * time.Millisecond,
		Identity: identity(a.IdentityFile),
		Client:   door.NewClient(),
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
	work := workOf(a)
	defer work.Close()
	keeper := reports.NewKeeper(folder, id, strings.Join(a.Addresses, ","), a.Claims.Run, a.Say)
	a.driver = driver.New(ctx, driver.Body{
		Doors: door.Open(a.Addresses, caller), Ticket: a.Ticket, Lease: lease, Holder: holder, Own: a.own(),
		Say: a.Say, Keep: keeper.Keep, Forget: keeper.Forget, Resume: a.Resume, Held: a.Held,
		Start: func(number, fence int64, ended func(heart.ChildEnd)) driver.Command {
			verb := "is ours"
			if a.Resume != nil {
				verb = "goes on"
			}
			a.Say(fmt.Sprintf("attempt %d of %s %s, fence %d", number, a.Claims.Run, verb, fence))
			if folder != "" {
				go progress.Watch(ctx, progressFile, a.progressed, a.Say)
			}
			if a.Metadata != "" {
				go metadata.Poll(ctx, a.Metadata, a.announced, a.Say)
			}
			return work.Start(Start{Number: number, Fence: fence, ProgressFile: progressFile, Ended: ended})
		},
	})
	work.Listen()
	left := a.driver.Run()
	a.logTermination(left)
	return left.Code
}

// Abandon ends the agent without a report.
func (a *Attempt) Abandon(why string) {
	a.Say(why)
	a.driver.Abandon(heart.ExitAgentError, why)
}

// Feed tells the heart what has happened. It may be called from any goroutine.
func (a *Attempt) Feed(input heart.Input) { a.driver.Feed(input) }

func span(duration time.Duration) *heart.Span {
	if duration <= 0 {
		return nil
	}
	value := heart.Span(duration.Milliseconds())
	return &value
}

func (a *Attempt) own() heart.Own {
	startBy := a.StartBy
	if startBy.IsZero() {
		startBy = a.Claims.StartBy
	}
	left := longestStart
	if !startBy.IsZero() {
		left = max(shortestStart, time.Until(startBy))
	}
	at := clock.Now() + heart.Instant(left.Milliseconds())
	return heart.Own{
		Drain: span(a.Drain), Stall: span(a.Stall), ReportFor: span(a.Report), StartBy: &at, OnInterrupt: a.OnInterrupt,
	}
}

func (a *Attempt) progressed(said *wire.Progress) {
	a.Feed(heart.Input{Kind: heart.Progressed, Progress: said})
}

func (a *Attempt) announced(what metadata.Announcement) {
	wall := heart.Instant(time.Now().UnixMilli())
	a.Feed(heart.Input{Kind: heart.Noticed, Notice: what.Notice, At: what.At, Deadline: what.Deadline, WallAt: &wall})
}

var visible = regexp.MustCompile(`^[\x21-\x7e]+$`)

// The token in a file, read each time: the kubelet replaces it before it expires. One that cannot be read is not shown.
func identity(file string) func() string {
	if file == "" {
		return nil
	}
	return func() string {
		var text []byte
		if disk.Within(func() (err error) { text, err = os.ReadFile(file); return }) != nil {
			return ""
		}
		if token := strings.TrimSpace(string(text)); visible.MatchString(token) {
			return token
		}
		return ""
	}
}

// What Kubernetes shows as the message of a container that ended, even when the network is dead.
const terminationLog = "/dev/termination-log"

// Appends one line about the attempt's end to the termination log. An attempt without a report was never started, or is not ours any more.
func (a *Attempt) logTermination(left driver.Left) {
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
		"run": a.Claims.Run, "attempt": a.Claims.Attempt, "fence": a.Claims.Fence, "outcome": outcome, "exitCode": code,
	}
	if reason != "" {
		line["reason"] = reason
	}
	text, _ := json.Marshal(map[string]any{"lastbeat": line})
	// The report has gone out by its own way; this line is for people, and not worth an exit code.
	_ = disk.Within(func() error {
		opened, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer opened.Close()
		_, err = opened.Write(append(text, '\n'))
		return err
	})
}
