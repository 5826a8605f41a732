// Package reports keeps what has to outlive an agent: reports that could not be delivered yet.
package reports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"lastbeat/agent/internal/disk"
)

// Folder finds the folder where an agent keeps files, and proves that it can be written: a byte is. A chosen one is taken as it is; the
// default is one per user in the temporary folder, where another user could have made it before us. It is empty, and said, when there is none.
func Folder(chosen string, say func(string)) string {
	if chosen != "" {
		if err := disk.Within(func() error { return prepare(chosen) }); err != nil {
			say(fmt.Sprintf("%s cannot be used, so nothing is kept there: %v", chosen, err))
			return ""
		}
		return chosen
	}
	var first error
	for _, parent := range []string{os.TempDir(), "/dev/shm"} {
		folder := filepath.Join(parent, fmt.Sprintf("lastbeat-%d", os.Getuid()))
		err := disk.Within(func() error {
			if err := prepare(folder); err != nil {
				return err
			}
			return isOursAlone(folder)
		})
		if err == nil {
			return folder
		}
		if first == nil {
			first = fmt.Errorf("%s: %w", folder, err)
		}
	}
	say(fmt.Sprintf("no folder can be used, so no report is kept; name one with --state-dir (%v)", first))
	return ""
}

func prepare(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return err
	}
	_, err = probe.Write([]byte("."))
	return errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}

func isOursAlone(folder string) error {
	found, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	if !found.IsDir() || !isOurs(found) || found.Mode().Perm()&0o022 != 0 {
		return errors.New("it is not ours alone")
	}
	return nil
}

// What others have put there is neither read nor trusted with a token.
func isOurs(found os.FileInfo) bool {
	stat, ok := found.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
