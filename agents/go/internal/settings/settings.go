// Package settings reads what a user says to the agent, by options and by variables of the environment. An option wins.
package settings

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"time"

	"lastbeat/agent/internal/door"
	"lastbeat/agent/internal/metadata"
)

// Attempt is what every agent is told, whatever its work is.
type Attempt struct {
	Addresses []string
	Ticket    string
	// Host is what the runner is on: an EC2 instance id, or any name; empty when it has none that is a name.
	Host   string
	Facts  map[string]string
	Drain  time.Duration
	Stall  time.Duration
	Report time.Duration
	// StartBy is until when the attempt has to start; zero when the ticket alone says it.
	StartBy time.Time
	// OnInterrupt is cancel when SIGINT cancels the run; empty when the run is started again.
	OnInterrupt string
	// StateDir is where reports and progress are kept; empty for the default.
	StateDir string
	// Metadata is where the instance metadata are asked; empty for nobody.
	Metadata     string
	IdentityFile string
	// TerminationLog gets one line about the end; empty for none.
	TerminationLog string
	ExitMap        map[int]int
	IsQuiet        bool
	AsJSON         bool
	// Warnings are for the user; nothing is wrong enough to stop.
	Warnings []string
}

// UsageError is a setting that cannot be understood.
type UsageError struct{ message string }

func (e UsageError) Error() string { return e.message }

func usage(format string, parts ...any) error { return UsageError{fmt.Sprintf(format, parts...)} }

type option struct {
	variable string
	isSwitch bool
}

// Options of every agent, and the variable of each.
var shared = map[string]option{
	"url":            {variable: "LASTBEAT_URL"},
	"ticket-file":    {},
	"host":           {variable: "LASTBEAT_HOST"},
	"drain-seconds":  {variable: "LASTBEAT_DRAIN_SECONDS"},
	"report-seconds": {variable: "LASTBEAT_REPORT_SECONDS"},
	"start-by":       {variable: "LASTBEAT_START_BY"},
	"state-dir":      {variable: "LASTBEAT_STATE_DIR"},
	"imds":           {variable: "LASTBEAT_IMDS"},
	"identity-file":  {variable: "LASTBEAT_IDENTITY_FILE"},
	"log":            {variable: "LASTBEAT_LOG"},
	"quiet":          {variable: "LASTBEAT_QUIET", isSwitch: true},
}

// The shared options and those of one command.
func with(more map[string]option) map[string]option {
	all := maps.Clone(shared)
	maps.Copy(all, more)
	return all
}

// Default address of the embedded server.
const here = "http://127.0.0.1:8787"

// The name of a host (lib/wire/ids.ts).
var hostName = regexp.MustCompile(`^[A-Za-z0-9][\w.:/-]{0,127}$`)

// What the service takes of a fact. One that is too long must not keep the command from starting.
const factLength = 256

// What was said, by options and by variables.
type said struct {
	options  map[string]option
	given    map[string]string
	variable func(string) string
}

func heard(arguments []string, options map[string]option, hint string, environment func(string) string) (said, []string, error) {
	given, command, err := split(arguments, options, hint)
	variable := func(name string) string { return strings.TrimSpace(environment(name)) }
	return said{options, given, variable}, command, err
}

func (s said) chosen(name string) string {
	if value, ok := s.given[name]; ok {
		return value
	}
	return s.variable(s.options[name].variable)
}

func (s said) isOn(name string) bool { return isOn(s.chosen(name)) }

func (s said) span(name string) (time.Duration, error) {
	return span(name, s.options[name].variable, s.chosen(name))
}

// Reads what every agent is told.
func (s said) attempt() (a Attempt, err error) {
	a = Attempt{
		StateDir:       s.chosen("state-dir"),
		IdentityFile:   s.chosen("identity-file"),
		TerminationLog: s.variable("LASTBEAT_TERMINATION_LOG"),
		IsQuiet:        s.isOn("quiet"),
		Facts:          map[string]string{},
	}
	if a.Ticket, err = ticketOf(s.given["ticket-file"], s.variable); err != nil {
		return a, err
	}
	if err = a.readAddresses(s); err != nil {
		return a, err
	}
	for name, into := range map[string]*time.Duration{"drain-seconds": &a.Drain, "report-seconds": &a.Report} {
		if *into, err = s.span(name); err != nil {
			return a, err
		}
	}
	if text := s.chosen("start-by"); text != "" {
		if a.StartBy, err = time.Parse(time.RFC3339, text); err != nil {
			return a, usage("--start-by (LASTBEAT_START_BY) takes an instant such as 2026-11-27T12:00:00Z, not %q", text)
		}
	}
	if a.Metadata, err = metadataOf(s.chosen("imds"), s.variable); err != nil {
		return a, err
	}
	switch log := s.chosen("log"); log {
	case "", "text":
	case "json":
		a.AsJSON = true
	default:
		return a, usage("--log (LASTBEAT_LOG) is text or json, not %q", log)
	}
	a.facts(s.chosen("host"), s.variable)
	return a, nil
}

func (a *Attempt) readAddresses(s said) error {
	list := s.chosen("url")
	if list == "" {
		list = here
	}
	a.Addresses = door.Addresses(list)
	if len(a.Addresses) == 0 {
		return usage("there is no front door: name one with --url, or in LASTBEAT_URL")
	}
	for _, address := range a.Addresses {
		if !door.IsAddress(address) {
			host := address[strings.LastIndex(address, "://")+1:]
			return usage("%q is not an address: write http:// or https:// before it, as in https://%s", address, strings.TrimPrefix(host, "//"))
		}
		if door.IsReadable(address) && s.variable("LASTBEAT_INSECURE") != "1" {
			a.Warnings = append(a.Warnings, fmt.Sprintf(
				"%s is not encrypted, so somebody who listens on the way can read the credentials: use https, or set LASTBEAT_INSECURE=1 if that is intended", address))
		}
	}
	return nil
}

func (s *Attempt) facts(host string, variable func(string) string) {
	for name, from := range map[string]string{"pod": "POD_NAME", "namespace": "POD_NAMESPACE", "node": "NODE_NAME", "podUid": "POD_UID"} {
		value := variable(from)
		if value == "" && name == "podUid" {
			value = metadata.PodUID(metadata.Mounts)
		}
		if value != "" {
			s.Facts[name] = string([]rune(value)[:min(factLength, len([]rune(value)))])
		}
	}
	if host == "" {
		host = metadata.InstanceID()
	}
	if host == "" {
		host, _ = os.Hostname()
	}
	if hostName.MatchString(host) {
		s.Host = host
	} else {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%q is not a name for a host, and is left out", host))
	}
}

// Whom to ask for notices: nobody, unless this is an EC2 instance or somebody has said whom.
func metadataOf(imds string, variable func(string) string) (string, error) {
	switch imds {
	case "", "auto":
	case "off":
		return "", nil
	default:
		return "", usage("--imds (LASTBEAT_IMDS) is auto or off, not %q", imds)
	}
	if address := variable("LASTBEAT_IMDS_URL"); address != "" {
		return address, nil
	}
	if metadata.IsOnEC2() {
		return metadata.Default, nil
	}
	return "", nil
}
