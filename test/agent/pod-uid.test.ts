import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { podUid } from "../../lib/agent/pod-uid.ts";

const UID = "7b2c9a8e-1f3d-4c5b-9e6f-0a1b2c3d4e5f";

describe("the uid of the pod", () => {
  let file: string;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lastbeat-pod-"));
    file = join(folder, "mountinfo");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test.each([
    [
      "its hosts",
      `1 2 0:1 / / rw - overlay\n3 2 8:1 /var/lib/kubelet/pods/${UID}/etc-hosts /etc/hosts rw - ext4\n`,
      UID,
    ],
    ["its termination log", `3 2 8:1 /pods/${UID}/containers/main/1 /dev/termination-log rw - ext4\n`, UID],
    ["a volume alone", `3 2 8:1 /var/lib/kubelet/pods/${UID}/volumes/x /scratch rw - ext4\n`, undefined],
    ["a folder that only looks like one", "3 2 8:1 /pods/not-a-uid/etc-hosts /etc/hosts rw - ext4\n", undefined],
    ["nothing", "", undefined],
  ])("is told by the mount of %s", (_, text, uid) => {
    writeFileSync(file, text);
    expect(podUid(file)).toBe(uid);
  });

  test("is unknown where there are no mounts to read", () => {
    expect(podUid(join(folder, "nothing"))).toBeUndefined();
  });
});
