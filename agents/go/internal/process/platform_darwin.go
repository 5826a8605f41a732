package process

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Process is a process of the command's group.
type Process struct{ PID, Group int }

// BecomeSubreaper does nothing: there is no such thing here. What leaves the command's group is not found.
func BecomeSubreaper() {}

func attributes(hasTerminal bool) *syscall.SysProcAttr {
	if hasTerminal {
		return &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: 0}
	}
	return &syscall.SysProcAttr{Setsid: true}
}

// The group alone is known here, as one: its leader's id stands for all.
func (c *Child) processes() []Process {
	if syscall.Kill(-c.pid, 0) != nil {
		return nil
	}
	return []Process{{PID: -c.pid, Group: c.pid}}
}

func marked(_ []string, leader int) []Process {
	if syscall.Kill(-leader, 0) != nil {
		return nil
	}
	return []Process{{PID: -leader, Group: leader}}
}

func ownsTerminal() bool {
	foreground, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}

func giveTerminal(group int) { _ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, group) }

func takeTerminal() { giveTerminal(unix.Getpgrp()) }
