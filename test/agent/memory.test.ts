import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type OutOfMemory, watchMemory } from "../../lib/agent/memory.ts";

type Files = Readonly<Record<string, string>>;
const V1 = "sys/fs/cgroup/memory";

describe("a kill for want of memory", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "lastbeat-memory-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function write(files: Files): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
  }

  const cases: readonly [name: string, before: Files, after: Files, found: OutOfMemory | undefined][] = [
    [
      "version 2 in a container",
      {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.events": "low 0\noom 0\noom_kill 2\n",
        "sys/fs/cgroup/memory.max": "536870912\n",
      },
      { "sys/fs/cgroup/memory.events": "low 0\noom 1\noom_kill 3\noom_group_kill 0\n" },
      { limitBytes: 536_870_912 },
    ],
    [
      "version 2, with a smaller limit above",
      {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/b/memory.events": "oom_kill 0\n",
        "sys/fs/cgroup/a/b/memory.max": "max\n",
        "sys/fs/cgroup/a/memory.max": "1048576\n",
      },
      { "sys/fs/cgroup/a/b/memory.events": "oom_kill 1\n" },
      { limitBytes: 1_048_576 },
    ],
    [
      "version 2 without a limit",
      { "proc/self/cgroup": "0::/user\n", "sys/fs/cgroup/user/memory.events": "oom_kill 0\n" },
      { "sys/fs/cgroup/user/memory.events": "oom_kill 1\n" },
      {},
    ],
    [
      "version 2, where the path is the host's and the mount is the container's",
      {
        "proc/self/cgroup": "0::/kubepods/pod1/c1\n",
        "sys/fs/cgroup/memory.events": "oom_kill 0\n",
        "sys/fs/cgroup/memory.max": "2097152\n",
      },
      { "sys/fs/cgroup/memory.events": "oom_kill 1\n" },
      { limitBytes: 2_097_152 },
    ],
    [
      "version 1",
      {
        "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n",
        [`${V1}/x/memory.oom_control`]: "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
        [`${V1}/x/memory.stat`]: "cache 0\nhierarchical_memory_limit 4194304\n",
      },
      { [`${V1}/x/memory.oom_control`]: "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n" },
      { limitBytes: 4_194_304 },
    ],
    [
      "version 1 without a limit",
      {
        "proc/self/cgroup": "4:memory:/\n",
        [`${V1}/memory.oom_control`]: "oom_kill 0\n",
        [`${V1}/memory.stat`]: "hierarchical_memory_limit 9223372036854771712\n",
      },
      { [`${V1}/memory.oom_control`]: "oom_kill 1\n" },
      {},
    ],
    [
      "nobody was killed",
      { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": "oom_kill 2\n" },
      {},
      undefined,
    ],
    ["no groups at all", {}, {}, undefined],
    [
      "files that say something else",
      { "proc/self/cgroup": "nonsense\n0::\n", "sys/fs/cgroup/memory.events": "oom_kill many\n" },
      { "sys/fs/cgroup/memory.events": "oom_kill 1\n" },
      undefined,
    ],
  ];

  test.each(cases)("%s", (_, before, after, found) => {
    write(before);
    const outOfMemory = watchMemory(root);
    write(after);
    expect(outOfMemory()).toStrictEqual(found);
  });
});
