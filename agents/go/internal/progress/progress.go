// Package progress watches the file that a command writes its progress to.
package progress

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
	"time"
	"unicode/utf8"

	"lastbeat/agent/internal/wire"
)

const (
	// A number and a note; more than this is not meant for us.
	mostBytes = 4096
	// How often the file is looked at.
	look = 500 * time.Millisecond
	// What the service keeps of a note, in bytes of JSON (lib/wire/bounds.ts).
	noteBytes = 128
)

// Parse reads what a progress file says: a number, or an object with a value; nil when it is neither.
func Parse(text []byte) *wire.Progress {
	var number float64
	if json.Unmarshal(text, &number) == nil && isStorable(number) && !isNull(text) {
		return &wire.Progress{Value: number}
	}
	var said struct {
		Value *float64 `json:"value"`
		Of    *float64 `json:"of"`
		Note  *string  `json:"note"`
	}
	if json.Unmarshal(text, &said) != nil || said.Value == nil || !isStorable(*said.Value) || (said.Of != nil && !isStorable(*said.Of)) {
		return nil
	}
	progress := wire.Progress{Value: *said.Value, Of: said.Of}
	if said.Note != nil {
		note := cut(*said.Note)
		progress.Note = &note
	}
	return &progress
}

func isNull(text []byte) bool {
	var value any
	return json.Unmarshal(text, &value) == nil && value == nil
}

// What DynamoDB stores as a number: 38 digits, up to 1e125 and down to 1e-130.
func isStorable(number float64) bool {
	size := math.Abs(number)
	return number == 0 || (size >= 1e-130 && size <= 1e125)
}

// The beginning of a note that fits into what is kept of one.
func cut(note string) string {
	for {
		text, _ := json.Marshal(note)
		if len(text) <= noteBytes || note == "" {
			return note
		}
		_, size := utf8.DecodeLastRuneInString(note)
		note = note[:len(note)-size]
	}
}

// Watch looks at the file until the context ends. changed hears of every change, with what it says when that can be sent.
func Watch(ctx context.Context, file string, changed func(*wire.Progress), say func(string)) {
	last, hasComplained := "", false
	for {
		if mark, text, ok := read(file); ok && mark != last {
			last = mark
			said := Parse(text)
			// A file that is being written anew is empty for a moment.
			if said == nil && len(text) > 0 && !hasComplained {
				hasComplained = true
				say(`the progress file says neither a number nor {"value": ...}: it is ignored`)
			}
			changed(said)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(look):
		}
	}
}

// The content of the file, with a mark of this version of it.
func read(file string) (mark string, text []byte, ok bool) {
	// A FIFO in its place would be waited for until somebody writes to it, also after the command has ended.
	opened, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", nil, false // not written yet, or being replaced; the next look finds it
	}
	defer opened.Close()
	found, err := opened.Stat()
	if err != nil {
		return "", nil, false
	}
	mark = fmt.Sprintf("%d %d %d", inode(found), found.ModTime().UnixNano(), found.Size())
	if !found.Mode().IsRegular() || found.Size() > mostBytes {
		return mark, nil, true
	}
	text, err = io.ReadAll(io.LimitReader(opened, mostBytes))
	return mark, text, err == nil
}

func inode(found os.FileInfo) uint64 {
	if stat, ok := found.Sys().(*syscall.Stat_t); ok {
		return stat.Ino
	}
	return 0
}
