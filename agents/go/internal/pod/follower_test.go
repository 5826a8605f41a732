package pod

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func shown(t *testing.T, state string, more string) view {
	t.Helper()
	return parsed(t, fmt.Sprintf(
		`{"metadata": {"uid": "uid-1"}, "spec": {"containers": [{"name": "main"}%s]}, "status": {"containerStatuses": [{"name": "main", "state": %s}]}}`, more, state))
}

// How often the API is asked, in each situation.
func TestALookIsTakenWhenItCanShowSomething(t *testing.T) {
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	wait := func(f *follower, isUrgent bool, now time.Time) string {
		if wait, ok := f.pause(isUrgent, now); ok {
			return wait.String()
		}
		return "never"
	}
	f := follower{container: "main", uid: "uid-1"}
	check := func(what string, isUrgent bool, now time.Time, want string) {
		t.Helper()
		if got := wait(&f, isUrgent, now); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	check("before it runs", false, at(0), "15s")
	f.learn(shown(t, `{"running": {}}`, ""), nil, at(15))
	check("while it runs", false, at(15), "never")
	f.askedAt = at(100)
	check("somebody has asked", false, at(101), "1s")
	check("and the pod went on", false, at(131), "never")
	f.learn(view{}, errors.New("status 503"), at(132))
	check("a look has failed", false, at(132), "5s")
	f.learn(shown(t, `{"running": {}}`, ""), nil, at(137))
	check("the main container has to stop", true, at(137), "1s")
	f.learn(view{}, errors.New("status 503"), at(500))
	check("the kubelet has ended the sidecar, and the API is away for minutes", true, at(900), "1s")

	f = follower{container: "main", uid: "uid-1"}
	f.learn(shown(t, `{"running": {}}`, `, {"name": "logs"}`), nil, at(0))
	check("beside another container", false, at(0), "30s")
}

func TestALookShowsWhatMatters(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	f := follower{container: "main", uid: "uid-1"}
	if n := f.learn(shown(t, `{"terminated": {"exitCode": 3}}`, ""), nil, now); n.end == nil || n.end.Status != 3 || n.isGoing {
		t.Errorf("%+v", n)
	}
	another := shown(t, `{"terminated": {"exitCode": 0}}`, "")
	another.Metadata.UID = "uid-2"
	if n := f.learn(another, nil, now); !n.isForeign || n.end != nil {
		t.Errorf("the end of another pod was taken: %+v", n)
	}
	for name, change := range map[string]func(*view){
		"deleted": func(v *view) { v.Metadata.DeletionTimestamp = "2026-11-27T12:00:00Z" },
		"evicted": func(v *view) { v.Status.Reason = "Evicted" },
	} {
		v := shown(t, `{"running": {}}`, "")
		change(&v)
		if n := f.learn(v, nil, now); !n.isGoing || n.end != nil {
			t.Errorf("%s: %+v", name, n)
		}
	}
	disrupted := parsed(t, `{"metadata": {"uid": "uid-1"}, "spec": {"containers": [{"name": "main"}]}, "status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}}`)
	if n := f.learn(disrupted, nil, now); !n.isGoing {
		t.Errorf("disrupted: %+v", n)
	}
	if n := f.learn(parsed(t, `{"metadata": {"uid": "uid-1"}, "spec": {"containers": [{"name": "other"}]}}`), nil, now); n.failure == "" {
		t.Errorf("a pod without the main container says nothing: %+v", n)
	}
}

func TestAnImageThatCannotBePulledIsWaitedForSixMinutesAtMost(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	f := follower{container: "main", uid: "uid-1"}
	stuck := shown(t, `{"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}`, "")
	for minute := range 6 {
		if n := f.learn(stuck, nil, now.Add(time.Duration(minute)*time.Minute)); n.end != nil {
			t.Fatalf("given up after %d minutes", minute)
		}
	}
	if n := f.learn(stuck, nil, now.Add(6*time.Minute)); n.end == nil || n.end.Message != "ImagePullBackOff: no such image" {
		t.Errorf("%+v", n)
	}
}
