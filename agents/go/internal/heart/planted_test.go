package heart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Mistakes that somebody could make: a text in a file, replaced by another. The vectors that do not find one of them look the other way.
var planted = []struct{ name, file, from, to string }{
	{"a retry has no jitter", "heart.go", "1-retryJitter*roll", "1-0*roll"},
	{"a pause that the server asks for is not heeded", "heart.go", "*float64(1-retryJitter*roll)), asked)", "*float64(1-retryJitter*roll)), 0)"},
	{"a claim that was granted too late is taken", "heart.go", `answer.Kind == "ok" && isLate`, `answer.Kind == "ok" && false`},
	{"a front door that never answers is asked for ever", "heart.go", "*h.own.StartBy <= now", "false"},
	{"a report after a cut-off is repeated for 15 minutes", "beating.go", "reportFor = *h.own.ReportFor", "_ = 0"},
	{"a refused beat counts as an acknowledged one", "beating.go", `if answer.Kind == "unclear" {`, `if at := input.SentAt; answer.Kind == "unclear" { h.fenceFrom = &at`},
	{"the fence goes back with a late answer", "beating.go", "*h.fenceFrom <= input.SentAt", "true"},
	{"a later reason lengthens the grace", "stopping.go", "killAt = min(killAt, before.killAt)", "killAt = max(killAt, before.killAt)"},
	{"a TERM is sent again", "stopping.go", "case before == nil:", "default:"},
	{"a command that leaves has to make progress", "beating.go", "|| h.stop != nil {\n\t\treturn nil", "{\n\t\treturn nil"},
	{"progress is sent again after it was delivered", "beating.go", "h.progress == h.sent", "false"},
	{"a success under a cut-off is not reported", "stopping.go", "*end.ExitCode == 0", `*end.ExitCode == 0 && why != "self-fenced"`},
}

func TestPlantedDifferencesAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("each is a build of its own")
	}
	for _, bug := range planted {
		root := t.TempDir()
		source := filepath.Join(root, "agents", "go")
		must(t, os.CopyFS(filepath.Join(source, "internal", "heart"), os.DirFS(".")))
		must(t, os.CopyFS(filepath.Join(source, "internal", "wire"), os.DirFS("../wire")))
		must(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte("module lastbeat/agent\n\ngo 1.26\n"), 0o644))
		vectors, err := filepath.Abs("../../../vectors")
		must(t, err)
		must(t, os.Symlink(vectors, filepath.Join(root, "agents", "vectors")))
		must(t, os.Remove(filepath.Join(source, "internal", "heart", "planted_test.go")))
		file := filepath.Join(source, "internal", "heart", bug.file)
		text, err := os.ReadFile(file)
		must(t, err)
		if strings.Count(string(text), bug.from) != 1 {
			t.Fatalf("%s: %q is not in %s exactly once", bug.name, bug.from, bug.file)
		}
		must(t, os.WriteFile(file, []byte(strings.Replace(string(text), bug.from, bug.to, 1)), 0o644))
		test := exec.Command("go", "test", "-vet=off", "./internal/heart")
		test.Dir = source
		test.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
		said, err := test.CombinedOutput()
		if err == nil {
			t.Errorf("not caught: %s", bug.name)
		} else if !strings.Contains(string(said), ".jsonl:") {
			t.Errorf("%s: no vector has failed, but %s", bug.name, said)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
