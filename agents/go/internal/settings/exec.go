package settings

// Exec is what `lastbeat exec` was told.
type Exec struct {
	Attempt
	Command []string
	// OnlyLeader sends signals to the command alone, and not to its process group.
	OnlyLeader bool
}

var execOptions = with(map[string]option{
	"stall":        {variable: "LASTBEAT_STALL"},
	"exit-map":     {variable: "LASTBEAT_EXIT_MAP"},
	"on-interrupt": {variable: "LASTBEAT_ON_INTERRUPT"},
	"single-child": {variable: "LASTBEAT_SINGLE_CHILD", isSwitch: true},
})

// ReadExec reads the arguments after `exec`.
func ReadExec(arguments []string, environment func(string) string) (e Exec, err error) {
	s, command, err := heard(arguments, execOptions, ": the command comes after --, as in lastbeat exec -- COMMAND", environment)
	if err != nil {
		return e, err
	}
	if len(command) == 0 {
		return e, usage("there is no command: lastbeat exec -- COMMAND ...")
	}
	e.Command = command
	if e.Attempt, err = s.attempt(); err != nil {
		return e, err
	}
	if e.Stall, err = s.span("stall"); err != nil {
		return e, err
	}
	if e.ExitMap, err = exitMap(s.chosen("exit-map")); err != nil {
		return e, err
	}
	switch text := s.chosen("on-interrupt"); text {
	case "", "requeue":
	case "cancel":
		e.OnInterrupt = text
	default:
		return e, usage("--on-interrupt (LASTBEAT_ON_INTERRUPT) is requeue or cancel, not %q", text)
	}
	e.OnlyLeader = s.isOn("single-child")
	return e, nil
}
