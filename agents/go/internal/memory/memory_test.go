package memory

import (
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The files of a kernel with each of the interfaces, as containers and hosts have them.
func TestKills(t *testing.T) {
	const v1 = "sys/fs/cgroup/memory/"
	for name, test := range map[string]struct {
		before, after map[string]string
		limit         int64
		isKilled      bool
	}{
		"version 2 in a container": {
			before:   map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": "low 0\noom 0\noom_kill 2\noom_group_kill 0\n", "sys/fs/cgroup/memory.max": "536870912\n"},
			after:    map[string]string{"sys/fs/cgroup/memory.events": "low 0\noom 1\noom_kill 3\n"},
			limit:    536870912,
			isKilled: true,
		},
		"version 2, with a smaller limit above": {
			before: map[string]string{
				"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.events": "oom_kill 0\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
				"sys/fs/cgroup/a/memory.max": "1048576\n",
			},
			after:    map[string]string{"sys/fs/cgroup/a/b/memory.events": "oom_kill 1\n"},
			limit:    1048576,
			isKilled: true,
		},
		"version 2 without a limit: the host is full": {
			before:   map[string]string{"proc/self/cgroup": "0::/user\n", "sys/fs/cgroup/user/memory.events": "oom_kill 0\n", "sys/fs/cgroup/user/memory.max": "max\n"},
			after:    map[string]string{"sys/fs/cgroup/user/memory.events": "oom_kill 1\n"},
			isKilled: true,
		},
		"version 2, where the path is the host's and the mount is the container's": {
			before:   map[string]string{"proc/self/cgroup": "0::/kubepods/pod1/c1\n", "sys/fs/cgroup/memory.events": "oom_kill 0\n", "sys/fs/cgroup/memory.max": "2097152\n"},
			after:    map[string]string{"sys/fs/cgroup/memory.events": "oom_kill 1\n"},
			limit:    2097152,
			isKilled: true,
		},
		"version 1": {
			before: map[string]string{
				"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n", v1 + "x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
				v1 + "x/memory.stat": "cache 0\nhierarchical_memory_limit 4194304\n",
			},
			after:    map[string]string{v1 + "x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"},
			limit:    4194304,
			isKilled: true,
		},
		"version 1 without a limit": {
			before: map[string]string{
				"proc/self/cgroup": "4:memory:/\n", v1 + "memory.oom_control": "oom_kill 0\n",
				v1 + "memory.stat": "hierarchical_memory_limit 9223372036854771712\n",
			},
			after:    map[string]string{v1 + "memory.oom_control": "oom_kill 1\n"},
			isKilled: true,
		},
		"nobody was killed": {
			before: map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": "oom_kill 2\n"},
		},
		"no groups at all": {},
		"files that say something else": {
			before: map[string]string{"proc/self/cgroup": "nonsense\n0::\n", "sys/fs/cgroup/memory.events": "oom_kill many\n"},
			after:  map[string]string{"sys/fs/cgroup/memory.events": "oom_kill 1\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, test.before)
			before := Count(root)
			write(t, root, test.after)
			limit, isKilled := before.Since()
			if limit != test.limit || isKilled != test.isKilled {
				t.Errorf("%d, %v; want %d, %v", limit, isKilled, test.limit, test.isKilled)
			}
		})
	}
}

// A worker that was killed and replaced an hour ago does not explain why the command has ended now.
func TestAKillThatWasSurvivedExplainsNothing(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": "oom_kill 0\n"})
	recent := Watch(root)
	write(t, root, map[string]string{"sys/fs/cgroup/memory.events": "oom_kill 1\n"})
	recent.next()
	if _, isKilled := recent.older.Since(); !isKilled {
		t.Error("a kill of the last half minute is forgotten")
	}
	recent.next()
	if _, isKilled := recent.End(); isKilled {
		t.Error("a kill that was survived for a minute explains the end")
	}
}
