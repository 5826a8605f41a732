// Package settings reads what a user says to the agent, by options and by variables of the environment. An option wins.
package settings

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lastbeat/agent/internal/door"
	"lastbeat/agent/internal/metadata"
)

// Exec is what `lastbeat exec` was told.
type Exec struct {
	Addresses []string
	Ticket    string
	Command   []string
	// Host is what the runner is on: an EC2 instance id, or any name; empty when it has none that is a name.
	Host   string
	Facts  map[string]string
	Drain  time.Duration
	Stall  time.Duration
	Report time.Duration
	// StartBy is until when the attempt has to start; zero when the ticket alone says it.
	StartBy time.Time
	// StateDir is where reports and progress are kept; empty for the default.
	StateDir string
	// Metadata is where the instance metadata are asked; empty for nobody.
	Metadata     string
	IdentityFile string
	// TerminationLog gets one line about the end; empty for none.
	TerminationLog string
	ExitMap        map[int]int
	OnlyLeader     bool
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

// Options of exec, and the variable of each.
var options = map[string]option{
	"url":            {variable: "LASTBEAT_URL"},
	"ticket-file":    {},
	"host":           {variable: "LASTBEAT_HOST"},
	"drain-seconds":  {variable: "LASTBEAT_DRAIN_SECONDS"},
	"stall":          {variable: "LASTBEAT_STALL"},
	"report-seconds": {variable: "LASTBEAT_REPORT_SECONDS"},
	"start-by":       {variable: "LASTBEAT_START_BY"},
	"state-dir":      {variable: "LASTBEAT_STATE_DIR"},
	"imds":           {variable: "LASTBEAT_IMDS"},
	"identity-file":  {variable: "LASTBEAT_IDENTITY_FILE"},
	"exit-map":       {variable: "LASTBEAT_EXIT_MAP"},
	"log":            {variable: "LASTBEAT_LOG"},
	"single-child":   {variable: "LASTBEAT_SINGLE_CHILD", isSwitch: true},
	"quiet":          {variable: "LASTBEAT_QUIET", isSwitch: true},
}

// Default address of the embedded server.
const here = "http://127.0.0.1:8787"

// The name of a host (lib/wire/ids.ts).
var hostName = regexp.MustCompile(`^[A-Za-z0-9][\w.:/-]{0,127}$`)

// What the service takes of a fact. One that is too long must not keep the command from starting.
const factLength = 256

// ReadExec reads the arguments after `exec`.
func ReadExec(arguments []string, environment func(string) string) (Exec, error) {
	given, command, err := split(arguments)
	if err != nil {
		return Exec{}, err
	}
	variable := func(name string) string { return strings.TrimSpace(environment(name)) }
	chosen := func(name string) string {
		if value, ok := given[name]; ok {
			return value
		}
		return variable(options[name].variable)
	}
	s := Exec{
		Command:        command,
		StateDir:       chosen("state-dir"),
		IdentityFile:   chosen("identity-file"),
		TerminationLog: variable("LASTBEAT_TERMINATION_LOG"),
		Facts:          map[string]string{},
	}
	if len(command) == 0 {
		return s, usage("there is no command: lastbeat exec -- COMMAND ...")
	}
	if s.Ticket, err = ticketOf(given["ticket-file"], variable); err != nil {
		return s, err
	}
	url := chosen("url")
	if url == "" {
		url = here
	}
	s.Addresses = door.Addresses(url)
	if len(s.Addresses) == 0 {
		return s, usage("there is no front door: name one with --url, or in LASTBEAT_URL")
	}
	for _, address := range s.Addresses {
		if !door.IsAddress(address) {
			host := address[strings.LastIndex(address, "://")+1:]
			return s, usage("%q is not an address: write http:// or https:// before it, as in https://%s", address, strings.TrimPrefix(host, "//"))
		}
		if door.IsReadable(address) && variable("LASTBEAT_INSECURE") != "1" {
			s.Warnings = append(s.Warnings, fmt.Sprintf(
				"%s is not encrypted, so somebody who listens on the way can read the credentials: use https, or set LASTBEAT_INSECURE=1 if that is intended", address))
		}
	}
	for name, into := range map[string]*time.Duration{"drain-seconds": &s.Drain, "stall": &s.Stall, "report-seconds": &s.Report} {
		if *into, err = span(name, chosen(name)); err != nil {
			return s, err
		}
	}
	if text := chosen("start-by"); text != "" {
		if s.StartBy, err = time.Parse(time.RFC3339, text); err != nil {
			return s, usage("--start-by (LASTBEAT_START_BY) takes an instant such as 2026-11-27T12:00:00Z, not %q", text)
		}
	}
	if s.ExitMap, err = exitMap(chosen("exit-map")); err != nil {
		return s, err
	}
	if s.Metadata, err = metadataOf(chosen("imds"), variable); err != nil {
		return s, err
	}
	switch log := chosen("log"); log {
	case "", "text":
	case "json":
		s.AsJSON = true
	default:
		return s, usage("--log (LASTBEAT_LOG) is text or json, not %q", log)
	}
	s.IsQuiet, s.OnlyLeader = isOn(chosen("quiet")), isOn(chosen("single-child"))
	s.facts(chosen("host"), variable)
	return s, nil
}

func (s *Exec) facts(host string, variable func(string) string) {
	for name, from := range map[string]string{"pod": "POD_NAME", "namespace": "POD_NAMESPACE", "node": "NODE_NAME"} {
		if value := variable(from); value != "" {
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

func isOn(value string) bool { return value != "" && value != "0" && value != "false" }

// The options before the command, and the command.
func split(arguments []string) (map[string]string, []string, error) {
	given := map[string]string{}
	for index := 0; index < len(arguments); index++ {
		argument := arguments[index]
		if argument == "--" {
			return given, arguments[index+1:], nil
		}
		if !strings.HasPrefix(argument, "--") {
			return nil, nil, usage("%q is not an option: the command comes after --, as in lastbeat exec -- %s", argument, argument)
		}
		name, value, hasValue := strings.Cut(argument[2:], "=")
		option, ok := options[name]
		if !ok {
			return nil, nil, usage("there is no option --%s%s", name, suggestion(name))
		}
		switch {
		case option.isSwitch && hasValue:
			return nil, nil, usage("--%s takes no value", name)
		case option.isSwitch:
			value = "1"
		case !hasValue:
			index++
			if index >= len(arguments) || arguments[index] == "--" {
				return nil, nil, usage("--%s takes a value", name)
			}
			value = arguments[index]
		}
		given[name] = strings.TrimSpace(value)
	}
	return given, nil, nil
}

// The option that begins most like the one that was typed, with two letters at least.
func suggestion(name string) string {
	best, most := "", 1
	for _, known := range slices.Sorted(maps.Keys(options)) {
		same := 0
		for same < min(len(known), len(name)) && known[same] == name[same] {
			same++
		}
		if same > most {
			best, most = "; did you mean --"+known+"?", same
		}
	}
	return best
}

func ticketOf(file string, variable func(string) string) (string, error) {
	text := variable("LASTBEAT_TICKET")
	if file != "" {
		read, err := os.ReadFile(file)
		if err != nil {
			return "", usage("the ticket cannot be read: %v", err)
		}
		text = strings.TrimSpace(string(read))
	}
	if text == "" {
		return "", usage("there is no ticket: set LASTBEAT_TICKET, or name a file with --ticket-file")
	}
	return text, nil
}

var amount = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*(s|m|h)?$`)

func span(name, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	parts := amount.FindStringSubmatch(text)
	if parts != nil {
		count, _ := strconv.ParseFloat(parts[1], 64)
		unit := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}[parts[2]]
		const longest = 366 * 24 * time.Hour // a run lives for a year at most
		if seconds := count * unit.Seconds(); seconds > 0 && seconds < longest.Seconds() {
			return time.Duration(seconds * float64(time.Second)), nil
		}
	}
	return 0, usage("--%s (%s) takes a time such as 60, 60s or 5m, not %q", name, options[name].variable, text)
}

var pair = regexp.MustCompile(`^\s*(\d{1,3})=(\d{1,3})\s*$`)

func exitMap(text string) (map[int]int, error) {
	codes := map[int]int{}
	for one := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(one) == "" {
			continue
		}
		parts := pair.FindStringSubmatch(one)
		if parts == nil {
			return nil, usage("--exit-map (LASTBEAT_EXIT_MAP) takes pairs of exit codes such as 80=137, not %q", one)
		}
		from, _ := strconv.Atoi(parts[1])
		to, _ := strconv.Atoi(parts[2])
		if from > 255 || to > 255 {
			return nil, usage("--exit-map (LASTBEAT_EXIT_MAP) takes pairs of exit codes such as 80=137, not %q", one)
		}
		codes[from] = to
	}
	return codes, nil
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
