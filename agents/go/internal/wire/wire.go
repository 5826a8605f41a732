// Package wire is what goes over the wire between an agent and a front door (docs/protocol.md).
package wire

import "time"

// Progress is what a command says about its work.
type Progress struct {
	Value float64  `json:"value"`
	Of    *float64 `json:"of,omitempty"`
	Note  *string  `json:"note,omitempty"`
}

// Report is the end of an attempt.
type Report struct {
	// Outcome is succeeded, failed, interrupted or canceled.
	Outcome  string `json:"outcome"`
	Reason   string `json:"reason,omitempty"`
	ExitCode *int   `json:"exitCode,omitempty"`
	Signal   string `json:"signal,omitempty"`
	Message  string `json:"message,omitempty"`
	// MemoryLimitBytes is the limit that an attempt ran into which reports out-of-memory.
	MemoryLimitBytes int64 `json:"memoryLimitBytes,omitempty"`
}

// Plain is the report in the words of version 0.1.0.
func (r Report) Plain() Report {
	r.MemoryLimitBytes = 0
	if r.Outcome == "canceled" {
		r.Outcome = "interrupted"
	}
	return r
}

// Body is what the replies to claims, beats and finishes say. Each has the fields that it needs.
type Body struct {
	Attempt         int64   `json:"attempt,omitempty"`
	Fence           int64   `json:"fence,omitempty"`
	Token           string  `json:"token,omitempty"`
	LeaseSeconds    float64 `json:"leaseSeconds,omitempty"`
	NextBeatSeconds float64 `json:"nextBeatSeconds,omitempty"`
	// Directive is continue, drain or stop.
	Directive string `json:"directive,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Deadline  string `json:"deadline,omitempty"`
	OnCutOff  string `json:"onCutOff,omitempty"`
	BeatURL   string `json:"beatUrl,omitempty"`
	State     string `json:"state,omitempty"`
	Outcome   string `json:"outcome,omitempty"`
}

// ParseInstant reads an RFC 3339 instant as milliseconds since the Unix epoch.
func ParseInstant(text string) (int64, bool) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, false
	}
	return at.UnixMilli(), true
}

// FormatInstant writes milliseconds since the Unix epoch as RFC 3339.
func FormatInstant(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
