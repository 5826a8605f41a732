package settings

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The options before the command, and the command.
// A text that is no option is refused; hint says where it belongs.
func split(arguments []string, options map[string]option, hint string) (map[string]string, []string, error) {
	given := map[string]string{}
	for index := 0; index < len(arguments); index++ {
		argument := arguments[index]
		if argument == "--" {
			return given, arguments[index+1:], nil
		}
		if !strings.HasPrefix(argument, "--") {
			return nil, nil, usage("%q is not an option%s", argument, strings.ReplaceAll(hint, "COMMAND", argument))
		}
		name, value, hasValue := strings.Cut(argument[2:], "=")
		option, ok := options[name]
		if !ok {
			return nil, nil, usage("there is no option --%s%s", name, suggestion(name, options))
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
func suggestion(name string, options map[string]option) string {
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

func span(name, variable, text string) (time.Duration, error) {
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
	return 0, usage("--%s (%s) takes a time such as 60, 60s or 5m, not %q", name, variable, text)
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

func isOn(value string) bool { return value != "" && value != "0" && value != "false" }
