// Package voice writes the agent's own lines to stderr. It never blocks and never fails: a log that is full, closed, or read by nobody must
// not end the agent, and must not keep it from beating.
package voice

import (
	"encoding/json"
	"fmt"
	"io"
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
	stderr  io.Writer
	isQuiet bool
	asJSON  bool
	facts   map[string]any
	waiting chan string
	leftOut atomic.Int64
	// Closed when nothing more is waited for, and when all that was said before is written.
	over, finished chan struct{}
}

// New starts a voice that writes to stderr, or to another writer in a test. With isQuiet it says nothing; with asJSON each line is one object.
func New(stderr io.Writer, isQuiet, asJSON bool) *Voice {
	v := &Voice{
		stderr: stderr, isQuiet: isQuiet, asJSON: asJSON, facts: map[string]any{},
		waiting: make(chan string, mostWaiting), over: make(chan struct{}), finished: make(chan struct{}),
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
	for {
		select {
		case line := <-v.waiting:
			v.put(line)
			continue
		default:
		}
		select {
		case line := <-v.waiting:
			v.put(line)
		case <-v.over:
			return
		}
	}
}

func (v *Voice) put(line string) {
	if count := v.leftOut.Swap(0); count > 0 {
		line = v.format(fmt.Sprintf("%d lines were left out: nobody read them in time", count)) + line
	}
	_, _ = io.WriteString(v.stderr, line) // a full disk, a closed pipe
}

// Close waits a moment for what has been said. What is said afterwards, by a request that is still out, is lost.
func (v *Voice) Close() {
	close(v.over)
	select {
	case <-v.finished:
	case <-time.After(lastWait):
	}
}
