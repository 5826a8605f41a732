// Package voice writes the agent's own lines to stderr. It never blocks and never fails: a log that is full, closed, or read by nobody must
// not end the agent, and must not keep it from beating.
package voice

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// So many lines wait for a reader who is slow; what is more is left out, and counted.
const mostWaiting = 256

// At the end lines are waited for that long: a reader who is there takes them at once.
const lastWait = time.Second

// Voice says lines. Say may be called from any goroutine.
type Voice struct {
	isQuiet  bool
	asJSON   bool
	facts    map[string]any
	waiting  chan string
	leftOut  atomic.Int64
	finished chan struct{}
}

// New starts a voice. With isQuiet it says nothing; with asJSON each line is one object.
func New(isQuiet, asJSON bool) *Voice {
	v := &Voice{
		isQuiet: isQuiet, asJSON: asJSON, facts: map[string]any{},
		waiting: make(chan string, mostWaiting), finished: make(chan struct{}),
	}
	go v.write()
	return v
}

// About adds facts to each line in JSON: which run, which attempt. To be called before lines come from other goroutines.
func (v *Voice) About(facts map[string]any) { v.facts = facts }

// Say says a line for people.
func (v *Voice) Say(line string) {
	if v.isQuiet {
		return
	}
	select {
	case v.waiting <- v.format(line):
	default:
		v.leftOut.Add(1)
	}
}

func (v *Voice) format(line string) string {
	line = printable(line)
	if !v.asJSON {
		return "lastbeat: " + line + "\n"
	}
	fields := map[string]any{"time": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "message": line}
	for name, fact := range v.facts {
		fields[name] = fact
	}
	text, _ := json.Marshal(fields) // texts and numbers alone
	return string(text) + "\n"
}

// What comes from elsewhere must not move a terminal's cursor.
func printable(text string) string {
	return strings.Map(func(letter rune) rune {
		if unicode.IsPrint(letter) {
			return letter
		}
		return unicode.ReplacementChar
	}, text)
}

// The thread of this goroutine alone waits for the reader.
func (v *Voice) write() {
	defer close(v.finished)
	for line := range v.waiting {
		if count := v.leftOut.Swap(0); count > 0 {
			line = v.format(fmt.Sprintf("%d lines were left out: nobody read them in time", count)) + line
		}
		_, _ = os.Stderr.WriteString(line) // a full disk, a closed pipe
	}
}

// Close waits a moment for what has been said.
func (v *Voice) Close() {
	close(v.waiting)
	select {
	case <-v.finished:
	case <-time.After(lastWait):
	}
}
