package heart

import "math"

// Instant is a point in time on the agent's own clock, in whole milliseconds.
type Instant int64

// Span is a length of time in whole milliseconds.
type Span int64

// Seconds is a span of that many seconds, to the nearest millisecond.
func Seconds(count float64) Span { return Span(math.Floor(count*1000 + 0.5)) }

// Pace holds the times that follow from a lease. 3 x interval + grace + margin never exceeds the lease.
type Pace struct{ Interval, Timeout, Grace, Margin Span }

// PaceOf gives the interval of beats (a quarter of the lease, at most 300 s), how long a beat waits for its answer (at most
// 30 s of that), what a command gets between TERM and KILL (a sixth, at most 20 s), and what is between KILL and the end of
// the lease (a twelfth, at most 5 s).
func PaceOf(lease Span) Pace {
	return Pace{
		Interval: min(300_000, lease/4), Timeout: min(30_000, lease/4), Grace: min(20_000, lease/6), Margin: min(5_000, lease/12),
	}
}
