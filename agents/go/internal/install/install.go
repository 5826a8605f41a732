// Package install copies the agent's own program into a folder, for an init container whose volume the main container shares. The image of the
// main container then needs nothing of Lastbeat's, and no shell.
package install

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// To copies the program to lastbeat in the folder, executable by everybody, and returns its path. The file is there whole or not at all.
func To(folder, program string) (string, error) {
	source, err := os.Open(program)
	if err != nil {
		return "", fmt.Errorf("the program itself cannot be read: %w", err)
	}
	defer source.Close()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("%s cannot be made: %w", folder, err)
	}
	started, err := os.CreateTemp(folder, ".lastbeat-*")
	if err != nil {
		return "", fmt.Errorf("%s cannot be written: %w", folder, err)
	}
	defer os.Remove(started.Name()) // after the rename there is nothing of that name
	if _, err = io.Copy(started, source); err == nil {
		err = started.Chmod(0o755)
	}
	if closed := started.Close(); err == nil {
		err = closed
	}
	path := filepath.Join(folder, "lastbeat")
	if err == nil {
		err = os.Rename(started.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return path, nil
}
