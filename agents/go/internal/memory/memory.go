// Package memory tells whether the kernel has killed a process for want of memory (docs.kernel.org, admin-guide/cgroup-v2 and cgroup-v1/memory).
package memory

import (
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kills says how many processes of a control group the kernel has killed for want of memory so far.
type Kills struct {
	group group
	count int64
}

// Recent counts kills from 30 to 60 s ago: a command may have survived an earlier one, which does not explain its end.
type Recent struct {
	mutex        sync.Mutex
	older, newer Kills
	stop         chan struct{}
}

const sample = 30 * time.Second

// Watch begins to count.
func Watch(root string) *Recent {
	now := Count(root)
	r := &Recent{older: now, newer: now, stop: make(chan struct{})}
	go func() {
		for {
			select {
			case <-r.stop:
				return
			case <-time.After(sample):
				r.next()
			}
		}
	}()
	return r
}

func (r *Recent) next() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.older = r.newer
	if count, ok := r.newer.group.kills(); ok {
		r.newer.count = count
	}
}

// End stops counting, and tells whether a process was killed lately, and the limit of its memory in bytes: 0 where there is none.
func (r *Recent) End() (limit int64, isKilled bool) {
	close(r.stop)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.older.Since()
}

// A control group, as one of the two versions of the kernel's interface shows it.
type group struct {
	folder, mount string
	isV2          bool
}

// Count reads the counter of the group that this process is in; root is "/" but in tests. Without a group the counter stays at 0.
func Count(root string) Kills {
	text, _ := os.ReadFile(path.Join(root, "proc/self/cgroup"))
	for _, one := range groups(root, string(text)) {
		if count, ok := one.kills(); ok {
			return Kills{group: one, count: count}
		}
	}
	return Kills{}
}

// Since tells whether the kernel has killed a process of the group since then, and the limit of its memory in bytes: 0 where there is none,
// so that the host itself had no memory left.
func (k Kills) Since() (limit int64, isKilled bool) {
	count, ok := k.group.kills()
	if !ok || count <= k.count {
		return 0, false
	}
	return k.group.limit(), true
}

// The groups that may be ours, the likeliest first. In a container the path in /proc is often that of the host, and what is mounted is the
// container's own group.
func groups(root, cgroup string) []group {
	v1, v2 := path.Join(root, "sys/fs/cgroup/memory"), path.Join(root, "sys/fs/cgroup")
	var ours []group
	for line := range strings.Lines(cgroup) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case parts[1] == "memory" || strings.HasPrefix(parts[1], "memory,") || strings.Contains(parts[1], ",memory"):
			ours = append([]group{{path.Join(v1, parts[2]), v1, false}, {v1, v1, false}}, ours...)
		case parts[0] == "0" && parts[1] == "":
			ours = append(ours, group{path.Join(v2, parts[2]), v2, true}, group{v2, v2, true})
		}
	}
	return ours
}

func (g group) kills() (int64, bool) {
	if g.isV2 {
		return field(path.Join(g.folder, "memory.events"), "oom_kill")
	}
	return field(path.Join(g.folder, "memory.oom_control"), "oom_kill")
}

// The smallest limit of the group and of those above it.
func (g group) limit() int64 {
	const none = math.MaxInt64
	least := int64(none)
	if !g.isV2 {
		if limit, ok := field(path.Join(g.folder, "memory.stat"), "hierarchical_memory_limit"); ok {
			least = limit
		}
	} else {
		for folder := g.folder; ; folder = path.Dir(folder) {
			text, _ := os.ReadFile(path.Join(folder, "memory.max"))
			if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
				least = min(least, limit)
			}
			if folder == g.mount || !strings.HasPrefix(folder, g.mount) {
				break
			}
		}
	}
	// Version 1 writes "no limit" as the largest number of whole pages.
	if least >= none/2 {
		return 0
	}
	return least
}

// The number behind a name in a file of lines like `oom_kill 3`.
func field(file, name string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			number, err := strconv.ParseInt(value, 10, 64)
			return number, err == nil
		}
	}
	return 0, false
}
