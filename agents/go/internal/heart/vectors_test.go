package heart

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

type vector struct {
	Lease Span    `json:"lease"`
	Own   Own     `json:"own"`
	Start Instant `json:"start"`
	Steps []struct {
		Now     Instant         `json:"now"`
		Roll    float64         `json:"roll"`
		Input   Input           `json:"input"`
		Actions json.RawMessage `json:"actions"`
		Phase   Phase           `json:"phase"`
		WakeAt  *Instant        `json:"wakeAt"`
	} `json:"steps"`
}

// What the reference does at each step of each life, this heart does.
func TestVectors(t *testing.T) {
	files, _ := filepath.Glob("../../../vectors/*.jsonl")
	lives, steps := 0, 0
	for _, file := range files {
		opened, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		lines := bufio.NewScanner(opened)
		lines.Buffer(nil, 1<<20)
		for number := 1; lines.Scan(); number++ {
			var v vector
			if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
				t.Fatalf("%s:%d: %v", file, number, err)
			}
			lives++
			h := New(v.Lease, v.Start, v.Own)
			for index, want := range v.Steps {
				var actions []Action
				h, actions = h.Step(want.Input, want.Now, want.Roll)
				steps++
				if got := generic(t, actions); !reflect.DeepEqual(got, parsed(t, want.Actions)) {
					input, _ := json.Marshal(want.Input)
					t.Fatalf("%s:%d step %d, %s\n got %v\nwant %s", file, number, index, input, got, want.Actions)
				}
				if h.Phase != want.Phase || !reflect.DeepEqual(h.WakeAt(), want.WakeAt) {
					t.Fatalf("%s:%d step %d: phase %s, want %s; wake %v, want %v", file, number, index, h.Phase, want.Phase, at(h.WakeAt()), at(want.WakeAt))
				}
			}
		}
	}
	if lives < 2000 || steps < 10_000 {
		t.Fatalf("only %d lives of %d steps were found", lives, steps)
	}
}

func at(time *Instant) any {
	if time == nil {
		return "never"
	}
	return *time
}

func generic(t *testing.T, actions []Action) any {
	t.Helper()
	if actions == nil {
		actions = []Action{}
	}
	text, err := json.Marshal(actions)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, text)
}

func parsed(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}
