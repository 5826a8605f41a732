package settings

import (
	"strings"
	"testing"
	"time"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		if name == "LASTBEAT_TICKET" {
			return "a-ticket"
		}
		for index := 0; index+1 < len(pairs); index += 2 {
			if pairs[index] == name {
				return pairs[index+1]
			}
		}
		return ""
	}
}

func TestAnOptionWinsOverItsVariable(t *testing.T) {
	s, err := ReadExec(strings.Fields("--stall 5m --host=node-1 -- python train.py --stall 3"),
		environment("LASTBEAT_STALL", "10", "LASTBEAT_DRAIN_SECONDS", "30s", "LASTBEAT_URL", "http://localhost:1, https://b"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Stall != 5*time.Minute || s.Drain != 30*time.Second || s.Host != "node-1" || len(s.Addresses) != 2 {
		t.Errorf("%+v", s)
	}
	if got := strings.Join(s.Command, " "); got != "python train.py --stall 3" {
		t.Errorf("%q", got)
	}
}

func TestWhatCannotBeUnderstoodIsRefusedWithWhatWouldBe(t *testing.T) {
	for arguments, want := range map[string]string{
		"--":                             "there is no command",
		"true":                           "the command comes after --",
		"--leese 3 -- true":              "there is no option --leese",
		"--stal 3 -- true":               "did you mean --stall?",
		"--stall -- true":                "--stall takes a value",
		"--stall soon -- true":           "takes a time such as 60, 60s or 5m",
		"--stall 0 -- true":              "takes a time such as 60, 60s or 5m",
		"--quiet=yes -- true":            "--quiet takes no value",
		"--exit-map 80=x -- true":        "takes pairs of exit codes",
		"--exit-map 80=300 -- true":      "takes pairs of exit codes",
		"--imds on -- true":              "auto or off",
		"--log xml -- true":              "text or json",
		"--start-by noon -- true":        "takes an instant",
		"--url nowhere -- true":          `"nowhere" is not an address: write http:// or https:// before it`,
		"--url , -- true":                "there is no front door",
		"--ticket-file /no/such -- true": "the ticket cannot be read",
	} {
		_, err := ReadExec(strings.Fields(arguments), environment())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", arguments, err, want)
		}
	}
}

func TestAnAddressThatAnybodyCanReadIsWarnedOf(t *testing.T) {
	s, _ := ReadExec(strings.Fields("--url http://example.com,http://127.0.0.1:1,http://x.svc -- true"), environment())
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "http://example.com is not encrypted") {
		t.Errorf("%q", s.Warnings)
	}
}

func TestAHostThatIsNoNameIsLeftOut(t *testing.T) {
	s, _ := ReadExec([]string{"--host", "a b", "--", "true"}, environment("POD_NAME", strings.Repeat("é", 300)))
	if s.Host != "" || len(s.Warnings) != 1 || len([]rune(s.Facts["pod"])) != factLength {
		t.Errorf("%q %q", s.Host, s.Warnings)
	}
}
