package process

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A process as /proc shows it.
type process struct {
	PID, Parent, Group, Session int
	// State is R, S, D, T, Z and so on.
	State byte
}

// BecomeSubreaper makes the orphans of the command children of the agent, so that it finds and reaps them, also where it is not process 1.
func BecomeSubreaper() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// The command gets a session of its own, or the terminal where there is one, and is killed when the agent dies.
func attributes(hasTerminal bool) *syscall.SysProcAttr {
	if hasTerminal {
		return &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: 0, Pdeathsig: syscall.SIGKILL}
	}
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// Lists the processes that /proc shows.
func all() []process {
	folder, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1)
	var found []process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if one, ok := read(pid); ok {
			found = append(found, one)
		}
	}
	return found
}

func read(pid int) (process, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, false // gone meanwhile
	}
	// `pid (name) state parent group session ...`; the name may hold anything, brackets too.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 4 {
		return process{}, false
	}
	number := func(field []byte) int { value, _ := strconv.Atoi(string(field)); return value }
	return process{PID: pid, State: fields[0][0], Parent: number(fields[1]), Group: number(fields[2]), Session: number(fields[3])}, true
}

func (p process) isRunning() bool { return p.State != 'Z' && p.State != 'X' }

// What the command has started and still runs, and can be signaled: all descendants of the agent, as it is their reaper, but its watcher.
func (c *Child) processes() []process {
	children := map[int][]process{}
	for _, one := range all() {
		children[one.Parent] = append(children[one.Parent], one)
	}
	var found []process
	queue := children[os.Getpid()]
	for len(queue) > 0 {
		one := queue[0]
		queue = queue[1:]
		if one.PID == watcherPID || c.before[one.PID] {
			continue
		}
		queue = append(queue, children[one.PID]...)
		// What runs as somebody else is not ours to stop.
		if one.isRunning() && syscall.Kill(one.PID, 0) == nil {
			found = append(found, one)
		}
	}
	return found
}

// Lists the processes with this mark in their environment, or in this session or group, but the caller.
func marked(mark []string, leader int) []process {
	var found []process
	for _, one := range all() {
		if one.PID == os.Getpid() || !one.isRunning() {
			continue
		}
		if leader != 0 && (one.Session == leader || one.Group == leader) {
			found = append(found, one)
			continue
		}
		environ, err := os.ReadFile("/proc/" + strconv.Itoa(one.PID) + "/environ")
		if err == nil && hasMark(strings.TrimRight(string(environ), "\x00"), mark) {
			found = append(found, one)
		}
	}
	return found
}
