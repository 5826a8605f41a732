// Package clock is the agent's own clock, which no adjustment of the wall clock moves. It runs on while the machine is suspended: a lease
// runs out on the server meanwhile.
package clock

import (
	"time"

	"golang.org/x/sys/unix"

	"lastbeat/agent/internal/heart"
)

// Now is a time in milliseconds that goes on during a sleep: CLOCK_MONOTONIC of Darwin does.
func Now() heart.Instant {
	var at unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &at) != nil {
		return heart.Instant(time.Since(started).Milliseconds())
	}
	return heart.Instant(at.Nano() / 1_000_000)
}

var started = time.Now()
