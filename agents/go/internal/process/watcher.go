package process

import (
	"bufio"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lastbeat/agent/internal/clock"
	"lastbeat/agent/internal/heart"
)

// A watcher is a second, tiny process of the agent. When the agent is killed alone, which nobody can catch, it ends the command: otherwise
// that would go on beside the next attempt. It does the same when the agent alone is stopped and lets the deadline of its lease pass. It waits
// for what comes through a pipe, and does nothing else.

// WatchArgument is what the agent's own program is started with to be the watcher.
const WatchArgument = "watch-over-agent"

// The watcher's process id, which is not one of the command's.
var watcherPID int

// Watcher is the agent's end of the pipe.
type Watcher struct{ pipe *os.File }

// StartWatcher starts the watcher; nil where there is none: as process 1, with which all others die, or where its start fails.
func StartWatcher(program string) *Watcher {
	if os.Getpid() == 1 {
		return nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer read.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		write.Close()
		return nil
	}
	defer null.Close()
	pid, err := syscall.ForkExec(program, []string{"lastbeat", WatchArgument}, &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=1"},
		Files: []uintptr{read.Fd(), null.Fd(), null.Fd()},
		Dir:   "/",
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		write.Close()
		return nil
	}
	watcherPID = pid
	return &Watcher{pipe: write}
}

// Over tells the watcher which command it has to end: by the mark before it is started, and then by its process id, too. 0 is none.
func (w *Watcher) Over(leader int, mark []string) {
	if w != nil {
		_, _ = io.WriteString(w.pipe, strconv.Itoa(leader)+"\x00"+strings.Join(mark, "\x00")+"\n")
	}
}

// Until tells the watcher when the command has to be gone, by the clock of the agent; nil for never.
func (w *Watcher) Until(at *heart.Instant) {
	if w != nil {
		text := ""
		if at != nil {
			text = strconv.FormatInt(int64(*at), 10)
		}
		_, _ = io.WriteString(w.pipe, "until "+text+"\n")
	}
}

// Dismiss lets the watcher go: the command has ended. Its process id may be somebody else's from now on.
func (w *Watcher) Dismiss() {
	if w != nil {
		_, _ = io.WriteString(w.pipe, "dismissed\n")
		w.pipe.Close() // also a second time
	}
}

// Watch is the life of the watcher.
func Watch() {
	ReserveThreads(threadsOfWatcher)
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	lines := make(chan string)
	go func() {
		defer close(lines) // the agent is gone
		for reader := bufio.NewReader(os.Stdin); ; {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	leader, mark := 0, []string(nil)
	var deadline <-chan time.Time
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				killMarked(mark, leader)
				return
			}
			if line == "dismissed" {
				return
			}
			if until, ok := strings.CutPrefix(line, "until "); ok {
				deadline = timerOf(until)
				continue
			}
			parts := strings.Split(line, "\x00")
			leader, _ = strconv.Atoi(parts[0])
			mark = parts[1:]
		case <-deadline:
			deadline = nil
			killMarked(mark, leader)
		}
	}
}

func timerOf(until string) <-chan time.Time {
	at, err := strconv.ParseInt(until, 10, 64)
	if err != nil {
		return nil
	}
	return time.After(time.Duration(at-int64(clock.Now())) * time.Millisecond)
}

// Kills all processes of a command. A fork that is under way is not in the list yet, so it is looked for again.
func killMarked(mark []string, leader int) {
	if mark == nil {
		return // there was no command yet
	}
	for quiet, end := 0, time.Now().Add(lastWait); quiet < 3 && time.Now().Before(end); {
		found := marked(mark, leader)
		for _, one := range found {
			_ = syscall.Kill(one.PID, syscall.SIGKILL)
		}
		quiet++
		if len(found) > 0 {
			quiet = 0
		}
		time.Sleep(look)
	}
}

// SignalMarked signals all processes with this mark in their environment that the caller sees and may signal, and says how many there were.
func SignalMarked(mark []string, number syscall.Signal) int {
	signaled := 0
	for _, one := range marked(mark, 0) {
		if syscall.Kill(one.PID, number) == nil {
			signaled++
		}
	}
	return signaled
}
