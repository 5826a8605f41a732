package metadata

import (
	"os"
	"regexp"
	"strings"
)

// Mounts tells what is mounted where this process is.
const Mounts = "/proc/self/mountinfo"

// Files that every kubelet mounts into every container, from the folder of the pod.
var mounted = regexp.MustCompile(`^\S+ \S+ \S+ (\S+) /(?:etc/hosts|dev/termination-log) `)
var podFolder = regexp.MustCompile(`/pods/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/`)

// PodUID is the uid of the pod that this process is in, as its mounts tell it, or empty. A cluster is asked for the pod by it.
func PodUID(mounts string) string {
	text, err := os.ReadFile(mounts)
	if err != nil {
		return "" // no such file on this system
	}
	for _, line := range strings.Split(string(text), "\n") {
		if found := mounted.FindStringSubmatch(line); found != nil {
			if uid := podFolder.FindStringSubmatch(found[1]); uid != nil {
				return uid[1]
			}
		}
	}
	return ""
}
