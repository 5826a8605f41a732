// Package disk bounds the wait for a disk.
package disk

import (
	"errors"
	"time"
)

// A disk that does not answer, as a hung network mount, is waited for that long: the attempt matters more.
const longest = 2 * time.Second

var errSilent = errors.New("the disk does not answer")

// Within is what some work on a disk comes to. A disk that takes too long has failed.
func Within(work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-time.After(longest):
		return errSilent
	}
}
