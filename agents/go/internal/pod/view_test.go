package pod

import (
	"encoding/json"
	"testing"

	"lastbeat/agent/internal/heart"
)

func parsed(t *testing.T, text string) view {
	t.Helper()
	var v view
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheMainContainerIsTheOnlyOneOrTheOneThatIsNamed(t *testing.T) {
	one := parsed(t, `{"spec": {"initContainers": [{"name": "lastbeat"}], "containers": [{"name": "main"}]}}`)
	two := parsed(t, `{"spec": {"containers": [{"name": "main"}, {"name": "proxy"}]}}`)
	if main, err := one.main(""); err != nil || main.Name != "main" {
		t.Errorf("%v, %v", main, err)
	}
	if main, err := two.main("proxy"); err != nil || main.Name != "proxy" {
		t.Errorf("%v, %v", main, err)
	}
	for named, want := range map[string]string{
		"":      "the pod has the containers main, proxy: name the main one with --container",
		"other": "the pod has no container other, but main, proxy",
	} {
		if _, err := two.main(named); err == nil || err.Error() != want {
			t.Errorf("%q: %v", named, err)
		}
	}
}

func TestAnEndIsReadAsTheKubeletWritesIt(t *testing.T) {
	main := container{}
	main.Resources.Limits = map[string]string{"memory": "512Mi"}
	code := func(number int) *int { return &number }
	for state, want := range map[string]heart.ChildEnd{
		`{"terminated": {"exitCode": 0, "reason": "Completed"}}`:                       {ExitCode: code(0), Status: 0},
		`{"terminated": {"exitCode": 3, "reason": "Error"}}`:                           {ExitCode: code(3), Status: 3},
		`{"terminated": {"exitCode": 137, "reason": "Error"}}`:                         {Signal: "SIGKILL", Status: 137},
		`{"terminated": {"exitCode": 143, "reason": "Error"}}`:                         {Signal: "SIGTERM", Status: 143},
		`{"terminated": {"exitCode": 139, "reason": "Error"}}`:                         {ExitCode: code(139), Status: 139},
		`{"terminated": {"exitCode": 0, "signal": 9}}`:                                 {Signal: "SIGKILL", Status: 137},
		`{"terminated": {"exitCode": 137, "reason": "OOMKilled"}}`:                     {Signal: "SIGKILL", Status: 137, OutOfMemory: &heart.OutOfMemory{LimitBytes: 512 << 20}},
		`{"terminated": {"exitCode": 1, "reason": "OOMKilled"}}`:                       {ExitCode: code(1), Status: 1, OutOfMemory: &heart.OutOfMemory{LimitBytes: 512 << 20}},
		`{"terminated": {"exitCode": 128, "reason": "StartError", "message": "gone"}}`: {ExitCode: code(126), Status: 126, Message: "StartError: gone"},
	} {
		var s status
		if err := json.Unmarshal([]byte(state), &s.State); err != nil {
			t.Fatal(err)
		}
		end, ok := s.end(main)
		got, _ := json.Marshal(end)
		wanted, _ := json.Marshal(want)
		if !ok || string(got) != string(wanted) {
			t.Errorf("%s: %s, want %s", state, got, wanted)
		}
	}
	for _, state := range []string{`{}`, `{"running": {}}`, `{"waiting": {"reason": "ContainerCreating"}}`} {
		var s status
		_ = json.Unmarshal([]byte(state), &s.State)
		if _, ok := s.end(main); ok || s.stuck() != "" {
			t.Errorf("%s has ended, or is stuck: %q", state, s.stuck())
		}
	}
	var s status
	_ = json.Unmarshal([]byte(`{"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}`), &s.State)
	if s.stuck() != "ImagePullBackOff: no such image" {
		t.Error(s.stuck())
	}
}

func TestAQuantityIsReadInBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"512Mi": 512 << 20, "1.5Gi": 3 << 29, "500M": 500_000_000, "1e9": 1_000_000_000, "128974848": 128974848, "2Ti": 2 << 40, "1k": 1000,
		"": 0, "lots": 0, "5Zi": 0, "-1": 0, "9E9E": 0,
	} {
		if got := bytesOf(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestAGoodPodHasNoComplaints(t *testing.T) {
	v := parsed(t, `{"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 600,
		"initContainers": [{"name": "lastbeat", "restartPolicy": "Always", "startupProbe": {"httpGet": {"path": "/started", "port": 8789}}}],
		"containers": [{"name": "main", "livenessProbe": {"httpGet": {"path": "/live", "port": 8789}, "periodSeconds": 2, "failureThreshold": 2, "terminationGracePeriodSeconds": 10}}]}}`)
	main, _ := v.main("")
	if found := v.complaints(main, 120_000, 8789); len(found) != 0 {
		t.Error(found)
	}
	// With a lease of 60 s there are 10 s to stop it.
	if found := v.complaints(main, 60_000, 8789); len(found) != 1 {
		t.Error(found)
	}
}

func TestAProbeOfSomebodyElseIsNoneOfOurs(t *testing.T) {
	v := parsed(t, `{"spec": {"restartPolicy": "Never",
		"initContainers": [{"name": "proxy", "restartPolicy": "Always", "startupProbe": {"httpGet": {"path": "/ready", "port": 15021}}}],
		"containers": [{"name": "main", "livenessProbe": {"httpGet": {"path": "/live", "port": 80}}}]}}`)
	main, _ := v.main("")
	if found := v.complaints(main, 120_000, 8789); len(found) != 2 {
		t.Error(found)
	}
	for text, want := range map[string]bool{
		`{"httpGet": {"path": "/live", "port": 8789}}`:                      true,
		`{"httpGet": {"path": "/live", "port": "probes"}}`:                  true,
		`{"httpGet": {"path": "/started", "port": 8789}}`:                   false,
		`{"exec": {"command": ["/lastbeat/lastbeat", "probe", "live"]}}`:    true,
		`{"exec": {"command": ["/lastbeat/lastbeat", "probe", "started"]}}`: false,
		`{"tcpSocket": {"port": 8789}}`:                                     false,
	} {
		var p probe
		if err := json.Unmarshal([]byte(text), &p); err != nil || p.isOurs("live", 8789) != want {
			t.Errorf("%s: %v, %v", text, p.isOurs("live", 8789), err)
		}
	}
}

func FuzzQuantity(f *testing.F) {
	f.Add("512Mi")
	f.Add("1e400")
	f.Fuzz(func(t *testing.T, text string) {
		if bytesOf(text) < 0 {
			t.Error("negative")
		}
	})
}
