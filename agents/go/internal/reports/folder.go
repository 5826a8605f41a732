// Package reports keeps what has to outlive an agent: reports that could not be delivered yet.
package reports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A disk that does not answer, as a hung network mount, is waited for that long: the attempt matters more.
const diskWait = 2 * time.Second

var errDisk = errors.New("the disk does not answer")

// What the work on a disk comes to; a disk that takes too long has failed.
func onDisk(work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-time.After(diskWait):
		return errDisk
	}
}

// Folder finds the folder where an agent keeps files, and proves that it can be written: a byte is. A chosen one is taken as it is; the
// default is one per user in the temporary folder, where another user could have made it before us. It is empty, and said, when there is none.
func Folder(chosen string, say func(string)) string {
	if chosen != "" {
		if err := onDisk(func() error { return prepare(chosen) }); err != nil {
			say(fmt.Sprintf("%s cannot be used, so nothing is kept there: %v", chosen, err))
			return ""
		}
		return chosen
	}
	var first error
	for _, parent := range []string{os.TempDir(), "/dev/shm"} {
		folder := filepath.Join(parent, fmt.Sprintf("lastbeat-%d", os.Getuid()))
		err := onDisk(func() error {
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
