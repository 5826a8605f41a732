package voice

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// What comes out at the other end of a pipe that stands for stderr, of which at most so many lines are read.
func said(t *testing.T, most int, say func(stderr *os.File)) []string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	say(write)
	write.Close()
	lines := []string{}
	for scanner := bufio.NewScanner(read); len(lines) < most && scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	return lines
}

func TestLinesAreSaidInOrderAndInOneLineEach(t *testing.T) {
	lines := said(t, 10, func(stderr *os.File) {
		v := New(stderr, false, false)
		v.Say("first")
		v.Say("of a server:\n\x1b[2Jlastbeat: forged")
		v.Close()
	})
	want := []string{"lastbeat: first", "lastbeat: of a server:\uFFFD\uFFFD[2Jlastbeat: forged"}
	if strings.Join(lines, "|") != strings.Join(want, "|") {
		t.Errorf("%q, want %q", lines, want)
	}
}

func TestALineInJSONHasItsFacts(t *testing.T) {
	lines := said(t, 10, func(stderr *os.File) {
		v := New(stderr, false, true)
		v.About(map[string]any{"run": "etl", "attempt": 2})
		v.Say("told")
		v.Close()
	})
	var line map[string]any
	if len(lines) != 1 || json.Unmarshal([]byte(lines[0]), &line) != nil || line["run"] != "etl" || line["message"] != "told" || line["attempt"] != 2.0 {
		t.Errorf("%q", lines)
	}
}

func TestAQuietVoiceSaysNothing(t *testing.T) {
	if lines := said(t, 10, func(stderr *os.File) { v := New(stderr, true, false); v.Say("told"); v.Close() }); len(lines) != 0 {
		t.Errorf("%q", lines)
	}
}

// 64 KiB fill a pipe: then a writer waits, and Say must not.
func TestALogThatNobodyReadsDelaysNobody(t *testing.T) {
	began := time.Now()
	_ = said(t, 0, func(stderr *os.File) {
		v := New(stderr, false, false)
		for range 5000 {
			v.Say(strings.Repeat("x", 100))
		}
		v.Close()
		stderr.Close() // lets the writer go
	})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestItMayBeSpokenToAfterItsEnd(t *testing.T) {
	_ = said(t, 1, func(stderr *os.File) {
		v := New(stderr, false, false)
		var all sync.WaitGroup
		for speaker := range 8 {
			all.Go(func() {
				for line := range 200 {
					v.Say(fmt.Sprintf("%d %d", speaker, line))
				}
			})
		}
		v.Close()
		all.Wait()
		v.Say("too late")
	})
}
