package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lastbeat/agent/internal/disk"
	"lastbeat/agent/internal/door"
	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/ticket"
	"lastbeat/agent/internal/wire"
)

const (
	ending = ".report.json"
	// A report has a message of 4 KiB and a credential; anything larger is not one of ours.
	mostBytes = 64 * 1024
	// Delivered by one agent, the newest first; a later agent finds the rest.
	mostLeftovers = 20
	// After the retention of 30 days nobody knows the run any more.
	oldest = 30 * 24 * time.Hour
	// For each request about somebody else's run: ours matters more.
	timeout = 10 * time.Second
)

// A report that was kept: all that is needed to deliver it. The Node agent writes and reads the same.
type kept struct {
	URL    string      `json:"url"`
	Run    string      `json:"run"`
	Token  string      `json:"token"`
	Report wire.Report `json:"report"`
}

// Keeper keeps the report of one attempt until it is answered. One without a folder keeps nothing.
type Keeper struct {
	file string
	kept kept
	say  func(string)
}

// NewKeeper keeps reports in the folder, under a name.
func NewKeeper(folder, name, url, run string, say func(string)) *Keeper {
	k := &Keeper{kept: kept{URL: url, Run: run}, say: say}
	if folder != "" {
		k.file = filepath.Join(folder, name+ending)
	}
	return k
}

// Keep writes the report. A disk that is full or read-only is said, and the agent goes on.
func (k *Keeper) Keep(token string, report wire.Report) {
	if k.file == "" {
		return
	}
	k.kept.Token, k.kept.Report = token, report
	text, _ := json.Marshal(k.kept)
	// Under another name first, so that a report that is found is whole.
	started := k.file + ".new"
	err := disk.Within(func() error {
		if err := os.WriteFile(started, text, 0o600); err != nil {
			return err
		}
		return os.Rename(started, k.file)
	})
	if err != nil {
		k.say(fmt.Sprintf("the report is not kept on disk: %v", err))
		_ = disk.Within(func() error { return os.Remove(started) })
	}
}

// Forget removes the report: it was answered.
func (k *Keeper) Forget() {
	if k.file != "" {
		remove(k.file)
	}
}

func remove(file string) { _ = disk.Within(func() error { return os.Remove(file) }) }

// DeliverLeftovers delivers once, in silence, what agents before could not. What is answered definitely is removed. A report is told to these
// addresses alone: somebody who can write to the folder must not choose where a cluster's identity goes.
func DeliverLeftovers(ctx context.Context, folder string, addresses []string, caller door.Caller) {
	for _, file := range leftovers(folder) {
		if ctx.Err() != nil {
			return
		}
		deliver(ctx, file, addresses, caller)
	}
}

// Our own reports in the folder, the newest first. Those that are too old to matter are removed.
func leftovers(folder string) []string {
	var entries []os.DirEntry
	if disk.Within(func() (err error) { entries, err = os.ReadDir(folder); return }) != nil {
		return nil
	}
	type dated struct {
		file string
		at   time.Time
	}
	var found []dated
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ending) {
			continue
		}
		file := filepath.Join(folder, entry.Name())
		info, err := os.Lstat(file)
		if err != nil || !info.Mode().IsRegular() || !isOurs(info) || info.Size() > mostBytes {
			continue // delivered by another agent meanwhile, or not ours
		}
		if time.Since(info.ModTime()) > oldest {
			remove(file)
			continue
		}
		found = append(found, dated{file, info.ModTime()})
	}
	slices.SortFunc(found, func(one, other dated) int { return other.at.Compare(one.at) })
	var files []string
	for _, one := range found[:min(len(found), mostLeftovers)] {
		files = append(files, one.file)
	}
	return files
}

func deliver(ctx context.Context, file string, own []string, caller door.Caller) {
	var text []byte
	if disk.Within(func() (err error) { text, err = os.ReadFile(file); return }) != nil {
		return
	}
	var found kept
	if !read(text, &found) {
		remove(file) // not a report of ours
		return
	}
	var addresses []string
	for _, address := range door.Addresses(found.URL) {
		if slices.Contains(own, address) {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) == 0 {
		return // it belongs to another front door, and stays
	}
	caller.Run, caller.Timeout = found.Run, timeout
	doors := door.Open(addresses, caller)
	answer := heart.Answer{Kind: "unclear"}
	for range addresses {
		answer = doors.Finish(ctx, found.Token, found.Report)
		if answer.IsDefinite() || ctx.Err() != nil {
			break
		}
	}
	if answer.IsDefinite() {
		remove(file)
	}
}

func read(text []byte, into *kept) bool {
	if json.Unmarshal(text, into) != nil || into.Report.Outcome == "" {
		return false
	}
	claims, ok := ticket.Parse(into.Token)
	return ok && claims.Run == into.Run
}
