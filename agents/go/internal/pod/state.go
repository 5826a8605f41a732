package pod

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"lastbeat/agent/internal/attempt"
	"lastbeat/agent/internal/heart"
)

// The kubelet starts a sidecar again that has died, beside the main container that goes on. The next process goes on with the attempt: it
// has the token, and knows until when the main container may work without a renewed lease.

// Record is what a sidecar hands on to the next process of its container.
type Record struct {
	// Holder is the id of the holder.
	Holder string `json:"holder"`
	// Pod and Boot say where it is good: in this pod, since this start of the machine.
	Pod  string `json:"pod"`
	Boot string `json:"boot"`
	// UID of the pod, when it is known.
	UID string `json:"uid,omitempty"`
	// Attempt, Fence and Hold are there when the attempt is claimed.
	Attempt int64       `json:"attempt,omitempty"`
	Fence   int64       `json:"fence,omitempty"`
	Hold    *heart.Hold `json:"hold,omitempty"`
	// Abandoned is set when the end of the main container can no longer be known: no process beats for this attempt any more.
	Abandoned bool `json:"abandoned,omitempty"`
}

type state struct {
	file *os.File
	Record
}

// One write of one record, always of this length, is whole or not there, also when the process is killed in it. A token and the names of
// Kubernetes take less.
const recordBytes = 2048

var holderID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Opens the state of the attempt that this ticket is for. It is locked for the life of the process: if two processes were one holder, both
// would be let in. On a volume that outlives the pod it is good only in this pod, on this machine, until the machine is started again.
func openState(folder, ticket, pod string) (*state, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(ticket))
	file, err := os.OpenFile(filepath.Join(folder, hex.EncodeToString(sum[:16])+".holder"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("another process is this holder: %w", err)
	}
	boot := bootID()
	record := make([]byte, recordBytes)
	var found Record
	count, _ := file.ReadAt(record, 0)
	isOurs := count == recordBytes && json.Unmarshal(bytes.TrimRight(record, " "), &found) == nil &&
		holderID.MatchString(found.Holder) && found.Pod == pod && found.Boot == boot
	if isOurs {
		return &state{file, found}, nil
	}
	s := &state{file, Record{Holder: attempt.NewID(), Pod: pod, Boot: boot}}
	return s, s.save()
}

// Whether the main container may have started under this attempt.
func (r Record) isStarted() bool { return r.Hold != nil && r.Attempt > 0 }

// Changes with each start of the machine: the clock of the deadline begins again then.
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}

func (s *state) save() error {
	if s.file == nil {
		return nil
	}
	text, err := json.Marshal(s.Record)
	if err != nil {
		return err
	}
	_, err = s.file.WriteAt(fmt.Appendf(nil, "%-*s", recordBytes, text), 0)
	return err
}
