// Command lastbeat runs a command under an attempt of a run: it claims, beats, and reports the end.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"runtime/debug"

	"lastbeat/agent/internal/attempt"
	"lastbeat/agent/internal/install"
	"lastbeat/agent/internal/process"
	"lastbeat/agent/internal/settings"
)

//go:embed help.txt
var help string

// Set by the release.
var version = "dev"

func main() { os.Exit(run(os.Args[1:])) }

func run(arguments []string) int {
	if len(arguments) == 1 && arguments[0] == process.WatchArgument {
		process.Watch()
		return 0
	}
	// The agent waits almost always. Its memory is worth more than the time of a collection.
	debug.SetGCPercent(20)
	if len(arguments) == 0 {
		fmt.Fprint(os.Stderr, help)
		return 2
	}
	switch arguments[0] {
	case "exec":
		if len(arguments) > 1 && arguments[1] == "--help" {
			fmt.Print(help)
			return 0
		}
		chosen, err := settings.ReadExec(arguments[1:], os.Getenv)
		if err != nil {
			fmt.Fprintf(os.Stderr, "lastbeat: %v\nlastbeat exec --help says what it takes.\n", err)
			return 2
		}
		return attempt.Exec(chosen)
	case "install":
		if len(arguments) != 3 || arguments[1] != "--to" {
			fmt.Fprintln(os.Stderr, "lastbeat: install copies this program: lastbeat install --to DIR")
			return 2
		}
		path, err := install.To(arguments[2], attempt.OwnProgram())
		if err != nil {
			fmt.Fprintf(os.Stderr, "lastbeat: %v\n", err)
			return 1
		}
		fmt.Println(path)
		return 0
	case "version", "--version", "-v":
		fmt.Printf("lastbeat %s (binary)\n", version)
		return 0
	case "help", "--help", "-h":
		fmt.Print(help)
		return 0
	}
	fmt.Fprintf(os.Stderr, "lastbeat: this binary has no command %q; it has exec, install, version and help\n", arguments[0])
	return 2
}
