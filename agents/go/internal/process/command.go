// Package process starts a command, passes signals on to it, and sees to it that nothing of it outlives its attempt.
package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lastbeat/agent/internal/heart"
)

// Command is what is run under an attempt.
type Command struct {
	Args []string
	Env  []string
	// OnlyLeader sends signals to the command alone, and not to its whole process group. KILL goes to all in any case.
	OnlyLeader bool
	// Grace is what processes that outlive the command get between TERM and KILL when the command has ended by itself.
	Grace time.Duration
	// Linger is the same when the command was told to leave: they may drain, too.
	Linger time.Duration
	// Say takes a line for people.
	Say func(line string)
}

// Child is a command that was started. Its methods may be called from any goroutine.
type Child struct {
	command Command
	// The process id of the command, which is its process group's, too.
	pid int
	// Whether the command has the terminal: then the terminal's keys reach it, and not the agent.
	hasTerminal bool

	mutex sync.Mutex
	// Whether it was told to leave, and whether by a TERM.
	isLeaving, hasTerm bool
	// Processes that the agent had before, as those that a shell had started before it became the agent.
	before map[int]bool
	// Processes outside of the command's group that were told to leave.
	told map[int]bool
}

// How often processes that are leaving are looked at.
const look = 50 * time.Millisecond

// Processes that a KILL does not end, as those that wait for a dead disk, are not waited for any longer.
const lastWait = 5 * time.Second

// Start starts the command; ended is called once, when it and all that it has started are gone. It is also called when the command could
// not be started: with 127 when it was not found, with 126 when it cannot be executed, as a shell would say.
func Start(command Command, ended func(heart.ChildEnd)) *Child {
	c := &Child{command: command, told: map[int]bool{}}
	path, err := lookUp(command)
	if err != nil {
		go ended(notStarted(command.Args[0], err))
		return c
	}
	started := make(chan error, 1)
	go c.attend(path, started, ended)
	if err := <-started; err != nil {
		go ended(notStarted(command.Args[0], err))
	}
	return c
}

// A program that is named without a slash is looked for in the PATH of the command's environment, which is the agent's.
func lookUp(command Command) (string, error) {
	path, err := exec.LookPath(command.Args[0])
	if errors.Is(err, exec.ErrDot) {
		return path, nil // a PATH with "." in it is the user's will
	}
	return path, err
}

func notStarted(program string, err error) heart.ChildEnd {
	code, why := heart.ExitNotExecutable, reason(err)
	if program == "" || errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		code, why = heart.ExitNotFound, "not found"
	}
	return heart.Unstartable(code, program+": "+why)
}

func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "it is not executable"
	case errors.Is(err, syscall.ENOEXEC):
		return "it is not a program that this machine can run"
	case errors.Is(err, syscall.E2BIG):
		return "its arguments and environment are too long"
	}
	return err.Error()
}

// One thread starts the command, and lives as long as it does: the parent-death signal of Linux is that of the thread.
func (c *Child) attend(path string, started chan<- error, ended func(heart.ChildEnd)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGCHLD)
	defer signal.Stop(changes)
	c.hasTerminal = ownsTerminal()
	c.before = map[int]bool{}
	for _, one := range c.processes() {
		c.before[one.PID] = true
	}
	pid, err := c.fork(path)
	c.pid = pid
	started <- err
	if err != nil {
		return
	}
	if c.hasTerminal {
		// Who gives the terminal back is in the background then, and would be stopped for it.
		signal.Ignore(syscall.SIGTTOU)
		defer takeTerminal()
	}
	end := c.await(changes)
	c.endRest(changes)
	ended(end)
}

// How long a start is tried that fails because the machine or the container is full for a moment.
const startWait = 5 * time.Second

func (c *Child) fork(path string) (pid int, err error) {
	args := c.command.Args
	for end := time.Now().Add(startWait); ; time.Sleep(look) {
		pid, err = syscall.ForkExec(path, args, &syscall.ProcAttr{
			Env:   c.command.Env,
			Files: []uintptr{0, 1, 2},
			Sys:   attributes(c.hasTerminal),
		})
		switch {
		case errors.Is(err, syscall.ENOEXEC) && path != shell:
			// A script without a first line that names its interpreter, as shells and execvp take it.
			path, args = shell, append([]string{"sh", path}, args[1:]...)
		case isPassing(err) && time.Now().Before(end):
		default:
			return pid, err
		}
	}
}

const shell = "/bin/sh"

func isPassing(err error) bool {
	for _, passing := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ETXTBSY} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

// Reaps what ends, until it is the command.
func (c *Child) await(changes <-chan os.Signal) heart.ChildEnd {
	for {
		var end *heart.ChildEnd
		reap(func(pid int, status syscall.WaitStatus) {
			switch {
			case pid != c.pid: // an orphan
			case status.Stopped():
				c.stopped()
			default:
				ended := endOf(status)
				end = &ended
			}
		})
		if end != nil {
			return *end
		}
		select {
		case <-changes:
		case <-time.After(time.Second): // a signal that was lost
		}
	}
}

func endOf(status syscall.WaitStatus) heart.ChildEnd {
	if status.Signaled() {
		number := status.Signal()
		return heart.ChildEnd{Signal: SignalName(number), Status: 128 + int(number)}
	}
	code := status.ExitStatus()
	return heart.ChildEnd{ExitCode: &code, Status: code}
}

// SignalName is SIGTERM and the like, or SIG34 for a signal without a name.
func SignalName(number syscall.Signal) string {
	if name := unix.SignalName(number); name != "" {
		return name
	}
	return fmt.Sprintf("SIG%d", int(number))
}

// What the command has left running would go on beside the next attempt: TERM, and then KILL.
func (c *Child) endRest(changes <-chan os.Signal) {
	c.mutex.Lock()
	isLeaving, hasTerm := c.isLeaving, c.hasTerm
	c.mutex.Unlock()
	patience := c.command.Grace
	if isLeaving {
		patience = c.command.Linger
	}
	killAt := time.Now().Add(patience)
	for isFirst := true; ; isFirst = false {
		reap(func(int, syscall.WaitStatus) {})
		rest := c.processes()
		if len(rest) == 0 {
			return
		}
		if isFirst {
			c.command.Say(fmt.Sprintf("the command has ended and has left %s: SIGTERM, and SIGKILL in %d s to what is still there",
				counted(len(rest)), int(patience.Seconds()+0.999)))
		}
		switch {
		case time.Now().After(killAt.Add(lastWait)):
			c.command.Say(fmt.Sprintf("%s cannot be killed, and is left behind", counted(len(rest))))
			return
		case time.Now().After(killAt):
			c.kill()
		default:
			c.tellToLeave(rest, hasTerm)
		}
		select {
		case <-changes:
		case <-time.After(look):
		}
	}
}

func counted(count int) string {
	if count == 1 {
		return "a process"
	}
	return fmt.Sprintf("%d processes", count)
}

// TERM, once each. Those in the group of a command that has had one have had it, too.
func (c *Child) tellToLeave(rest []process, hasTerm bool) {
	for _, one := range rest {
		if c.told[one.PID] || (hasTerm && one.Group == c.pid && !c.command.OnlyLeader) {
			continue
		}
		c.told[one.PID] = true
		_ = syscall.Kill(one.PID, syscall.SIGTERM)
	}
}

// Signals after which what the command has started may need a while to leave.
func isLeavingSignal(number syscall.Signal) bool {
	switch number {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
		return true
	}
	return false
}

// Signal passes a signal on to the command and its process group. KILL goes to all that the command has started.
func (c *Child) Signal(number syscall.Signal) {
	if c.pid == 0 {
		return
	}
	c.mutex.Lock()
	c.isLeaving = c.isLeaving || isLeavingSignal(number)
	c.hasTerm = c.hasTerm || number == syscall.SIGTERM
	c.mutex.Unlock()
	if number == syscall.SIGKILL {
		c.kill()
		return
	}
	target := -c.pid
	if c.command.OnlyLeader {
		target = c.pid
	}
	_ = syscall.Kill(target, number) // nobody there, or somebody else's: not ours to signal
	if isLeavingSignal(number) {
		_ = syscall.Kill(target, syscall.SIGCONT) // a stopped process cannot leave
	}
}

func (c *Child) kill() {
	_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	for _, one := range c.processes() {
		_ = syscall.Kill(one.PID, syscall.SIGKILL)
	}
}

// Suspend stops the command and all of its group, and Resume lets them go on: what a scheduler, or Ctrl-Z, wants of the agent.
func (c *Child) Suspend() { c.send(syscall.SIGSTOP) }

// Resume lets a suspended command go on.
func (c *Child) Resume() {
	if c.hasTerminal {
		giveTerminal(c.pid)
	}
	c.send(syscall.SIGCONT)
}

func (c *Child) send(number syscall.Signal) {
	if c.pid != 0 {
		_ = syscall.Kill(-c.pid, number)
	}
}

// HasTerminal tells whether the keys of the terminal reach the command, and not the agent.
func (c *Child) HasTerminal() bool { return c.hasTerminal }

// PID is the process id of the command, and of its group; 0 when it could not be started.
func (c *Child) PID() int { return c.pid }

// The command was stopped by Ctrl-Z on its terminal: the shell that started the agent expects the agent to stop, too.
func (c *Child) stopped() {
	if !c.hasTerminal {
		return // by somebody who means it; the beats go on
	}
	takeTerminal()
	// What comes next is the SIGCONT of the shell, and the handler of that signal resumes the command. Nothing may follow here: this thread may run on for a
	// moment after the signal, and would let the command go on beside a stopped agent.
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

// Mark is how the processes of an attempt are known: by what is in the environment of its command. Another deployment on this machine may
// have a run of the same id and fence, so an agent that starts its command itself adds a word of its own.
func Mark(run string, fence int64, own ...string) []string {
	mark := []string{"LASTBEAT_RUN_ID=" + run, fmt.Sprintf("LASTBEAT_FENCE=%d", fence)}
	for _, one := range own {
		mark = append(mark, "LASTBEAT_AGENT="+one)
	}
	return mark
}

func hasMark(environ string, mark []string) bool {
	for _, one := range mark {
		if !strings.Contains("\x00"+environ+"\x00", "\x00"+one+"\x00") {
			return false
		}
	}
	return true
}
