// Command lastbeat runs a command under an attempt of a run: it claims, beats, and reports the end.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"lastbeat/agent/internal/command"
	"lastbeat/agent/internal/install"
	"lastbeat/agent/internal/pod"
	"lastbeat/agent/internal/process"
	"lastbeat/agent/internal/settings"
)

//go:embed help.txt
var help string

//go:embed sidecar.txt
var sidecarHelp string

const usage = `lastbeat exec [options] -- COMMAND ...   run COMMAND under an attempt (--help says more)
lastbeat sidecar [options]               keep the attempt of a pod beside its main container (--help says more)
lastbeat probe started|live|leaving      ask the sidecar of this pod, for a probe or a hook that runs a program
lastbeat install --to DIR                copy this program, for an init container
lastbeat version                         the version, and that this is the binary
`

// Set by the release.
var version = "dev"

func main() { os.Exit(run(os.Args[1:])) }

func run(arguments []string) int {
	if len(arguments) == 1 && arguments[0] == process.WatchArgument {
		process.Watch()
		return 0
	}
	// A log pipe that nobody reads must not end the agent, from its first line on.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// The agent waits almost always. Its memory is worth more than the time of a collection.
	debug.SetGCPercent(20)
	if len(arguments) == 0 {
		fmt.Fprint(os.Stderr, usage)
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
		process.ReserveThreads(process.ThreadsOfAgent)
		return command.Exec(chosen)
	case "sidecar":
		if len(arguments) > 1 && arguments[1] == "--help" {
			fmt.Print(sidecarHelp)
			return 0
		}
		chosen, err := settings.ReadSidecar(arguments[1:], os.Getenv)
		if err != nil {
			fmt.Fprintf(os.Stderr, "lastbeat: %v\nlastbeat sidecar --help says what it takes.\n", err)
			return 2
		}
		process.ReserveThreads(process.ThreadsOfAgent)
		return pod.Sidecar(chosen)
	case "probe":
		chosen, err := settings.ReadProbe(arguments[1:], os.Getenv)
		if err != nil {
			fmt.Fprintf(os.Stderr, "lastbeat: %v\n", err)
			return 2
		}
		if err := pod.Probe(chosen.Name, chosen.Port); err != nil {
			fmt.Fprintf(os.Stderr, "lastbeat: %v\n", err)
			return 1
		}
		return 0
	case "install":
		if len(arguments) != 3 || arguments[1] != "--to" {
			fmt.Fprintln(os.Stderr, "lastbeat: install copies this program: lastbeat install --to DIR")
			return 2
		}
		path, err := install.To(arguments[2], command.OwnProgram())
		if err != nil {
			fmt.Fprintf(os.Stderr, "lastbeat: %v\n", err)
			return 1
		}
		fmt.Println(path)
		return 0
	case "version", "--version", "-v":
		fmt.Printf("%s (binary)\n", version)
		return 0
	case "help", "--help", "-h":
		fmt.Print(usage)
		return 0
	}
	fmt.Fprintf(os.Stderr, "lastbeat: this binary has no command %q; it has exec, sidecar, probe, install, version and help\n", arguments[0])
	return 2
}
