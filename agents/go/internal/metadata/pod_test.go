package metadata

import (
	"os"
	"path/filepath"
	"testing"
)

func TestThePodOfAProcessIsKnownByItsMounts(t *testing.T) {
	const uid = "7b2c9a8e-1f3d-4c5b-9e6f-0a1b2c3d4e5f"
	for text, want := range map[string]string{
		"1 2 0:1 / / rw - overlay\n3 2 8:1 /var/lib/kubelet/pods/" + uid + "/etc-hosts /etc/hosts rw - ext4\n": uid,
		"3 2 8:1 /pods/" + uid + "/containers/main/1 /dev/termination-log rw - ext4\n":                         uid,
		"3 2 8:1 /var/lib/kubelet/pods/" + uid + "/volumes/kubernetes.io~empty-dir/x /scratch rw - ext4\n":     "",
		"3 2 8:1 /pods/not-a-uid/etc-hosts /etc/hosts rw - ext4\n":                                             "",
		"": "",
	} {
		file := filepath.Join(t.TempDir(), "mountinfo")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := PodUID(file); got != want {
			t.Errorf("the pod of %q is %q, not %q", text, got, want)
		}
	}
	if got := PodUID(filepath.Join(t.TempDir(), "nothing")); got != "" {
		t.Errorf("a process without mounts is in the pod %q", got)
	}
}
