package process

import "syscall"

// A process of the command's group.
type process struct{ PID, Group int }

// BecomeSubreaper does nothing: there is no such thing here. What leaves the command's group is not found.
func BecomeSubreaper() {}

func attributes(hasTerminal bool) *syscall.SysProcAttr {
	if hasTerminal {
		return &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: 0}
	}
	return &syscall.SysProcAttr{Setsid: true}
}

// The group alone is known here, as one: its leader's id stands for all.
func (c *Child) processes() []process {
	if syscall.Kill(-c.pid, 0) != nil {
		return nil
	}
	return []process{{PID: -c.pid, Group: c.pid}}
}

func marked(_ []string, leader int) []process {
	if leader == 0 || syscall.Kill(-leader, 0) != nil {
		return nil
	}
	return []process{{PID: -leader, Group: leader}}
}
