package process

import "golang.org/x/sys/unix"

// Whether there is a terminal at descriptor 0, and it is ours.
func ownsTerminal() bool {
	foreground, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}

func giveTerminal(group int) { _ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, group) }

func takeTerminal() { giveTerminal(unix.Getpgrp()) }
