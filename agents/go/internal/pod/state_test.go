package pod

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastbeat/agent/internal/heart"
)

func TestTheNextProcessGoesOnAndNoOtherDoesAtTheSameTime(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	first, err := openState(folder, "ticket-1", "etl-7d9f")
	if err != nil {
		t.Fatal(err)
	}
	from := heart.Instant(123456)
	first.Attempt, first.Fence, first.Hold = 2, 7, &heart.Hold{Token: strings.Repeat("t", 250), FenceFrom: &from}
	if err := first.save(); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(folder, "ticket-1", "etl-7d9f"); err == nil || !strings.Contains(err.Error(), "another process is this holder") {
		t.Errorf("a second process was the same holder: %v", err)
	}
	if other, err := openState(folder, "ticket-2", "etl-7d9f"); err != nil || other.Holder == first.Holder || other.Hold != nil {
		t.Errorf("another attempt has the holder of the first: %v", err)
	}
	first.file.Close() // as the kernel does when the process dies
	next, err := openState(folder, "ticket-1", "etl-7d9f")
	if err != nil || next.Holder != first.Holder || next.Attempt != 2 || next.Fence != 7 || *next.Hold.FenceFrom != from || next.Hold.Token != first.Hold.Token {
		t.Errorf("%+v, %v", next, err)
	}
	if info, _ := next.file.Stat(); info.Mode().Perm() != 0o600 {
		t.Errorf("others can read it: %v", info.Mode())
	}
	next.file.Close()
	// On a volume that outlives the pod it is nobody's.
	if other, err := openState(folder, "ticket-1", "etl-8a1c"); err != nil || other.Holder == first.Holder || other.Hold != nil {
		t.Errorf("another pod has the holder of the first: %v", err)
	}
}

func TestARecordThatIsNotOursIsReplaced(t *testing.T) {
	elsewhere := `{"holder": "` + strings.Repeat("a", 32) + `", "pod": "etl", "boot": "another start of the machine", "hold": {"token": "t"}}`
	for _, text := range []string{"", "{}", `{"holder": "x"}`, strings.Repeat("a", recordBytes), elsewhere + strings.Repeat(" ", recordBytes-len(elsewhere))} {
		folder := t.TempDir()
		made, err := openState(folder, "ticket", "etl")
		if err != nil {
			t.Fatal(err)
		}
		name := made.file.Name()
		made.file.Close()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := openState(folder, "ticket", "etl")
		if err != nil || !holderID.MatchString(found.Holder) || found.Hold != nil {
			t.Errorf("%.40q: %+v, %v", text, found, err)
		}
	}
}
