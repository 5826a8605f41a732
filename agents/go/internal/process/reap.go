package process

import (
	"errors"
	"syscall"
)

// Reaps all that has ended or was stopped, and tells of each.
func reap(each func(pid int, status syscall.WaitStatus)) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG|syscall.WUNTRACED, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
		each(pid, status)
	}
}
