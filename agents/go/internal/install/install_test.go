package install

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheProgramIsCopiedWholeAndExecutable(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "shared", "bin")
	source := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(source, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first", "second"} { // again, as when a pod's init container is started again
		if err := os.WriteFile(source, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		path, err := To(folder, source)
		if err != nil {
			t.Fatal(err)
		}
		found, _ := os.Stat(path)
		text, _ := os.ReadFile(path)
		if found.Mode().Perm() != 0o755 || string(text) != content {
			t.Errorf("%v %q", found.Mode(), text)
		}
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("%v is left", entries)
	}
}

func TestAFolderThatCannotBeWrittenIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := To(filepath.Join(file, "x"), file); err == nil {
		t.Error("it was copied into a file")
	}
}
