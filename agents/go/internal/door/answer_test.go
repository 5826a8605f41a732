package door

import (
	"encoding/json"
	"testing"

	"lastbeat/agent/internal/heart"
)

func TestAnAnswerThatIsOursIsClear(t *testing.T) {
	beat := []byte(`{"directive":"continue","nextBeatSeconds":30,"leaseSeconds":120}`)
	answer := interpret(200, beat, isBeat, "")
	if answer.Kind != "ok" || answer.Body.NextBeatSeconds != 30 || answer.Body.Directive != "continue" {
		t.Errorf("%+v", answer)
	}
	answer = interpret(409, []byte(`{"type":"urn:lastbeat:problem:superseded","detail":"attempt 2 is current"}`), isBeat, "")
	if answer.Kind != "problem" || answer.Name != "superseded" || answer.Detail != "attempt 2 is current" {
		t.Errorf("%+v", answer)
	}
}

func TestOnlyWhatIsOursSaysAnythingAboutTheAttempt(t *testing.T) {
	large, _ := json.Marshal(map[string]string{"directive": string(make([]byte, mostBytes))})
	for _, one := range []struct {
		status int
		body   string
	}{
		{403, `{"message":"Forbidden"}`},
		{410, ``},
		{200, `<html>`},
		{200, `null`},
		{200, `[]`},
		{200, `{"directive":"continue","nextBeatSeconds":"30"}`},
		{302, `{"directive":"continue","nextBeatSeconds":30}`},
		{500, `{"type":"urn:lastbeat:problem:internal"}`},
		{503, `{"type":"urn:lastbeat:problem:contended"}`},
		{200, string(large)},
	} {
		if answer := interpret(one.status, []byte(one.body), isBeat, ""); answer.Kind != "unclear" || answer.Detail == "" {
			t.Errorf("%d %.60s: %+v", one.status, one.body, answer)
		}
	}
}

func TestAPauseIsHeededUpToABound(t *testing.T) {
	for header, want := range map[string]heart.Span{
		"": 0, "1": 1000, " 20 ": 20_000, "3600": 90_000, "-1": 0, "1.5": 0, "Wed, 21 Oct 2026 07:28:00 GMT": 0, "99999999999": 0,
	} {
		if got := retryAfterOf(header); got != want {
			t.Errorf("%q: %d, want %d", header, got, want)
		}
	}
}

func TestBeatsGoWhereTheyAreAsSafe(t *testing.T) {
	for _, one := range []struct {
		beats, door string
		want        bool
	}{
		{"https://b", "https://a", true}, {"https://b", "http://a", true}, {"http://b", "http://a", true},
		{"http://b", "https://a", false}, {"", "https://a", false}, {"ftp://b", "ftp://a", false},
	} {
		if got := isAsSafe(one.beats, one.door); got != one.want {
			t.Errorf("%q beside %q: %v", one.beats, one.door, got)
		}
	}
}

func TestAfterAnUnclearAnswerTheNextDoorIsAskedAndAllReasonsAreTold(t *testing.T) {
	doors := newFailover([]string{"https://a", "https://b"})
	var asked []string
	fail := func(address string) heart.Answer {
		asked = append(asked, address)
		return unclear("away")
	}
	doors.ask(fail)
	answer := doors.ask(fail)
	doors.ask(func(address string) heart.Answer { asked = append(asked, address); return heart.Answer{Kind: "ok"} })
	doors.ask(fail)
	if want := "https://a: away; https://b: away"; answer.Detail != want {
		t.Errorf("%q, want %q", answer.Detail, want)
	}
	for index, want := range []string{"https://a", "https://b", "https://a", "https://a"} {
		if asked[index] != want {
			t.Errorf("%v", asked)
		}
	}
}

func FuzzInterpret(f *testing.F) {
	f.Add(200, []byte(`{"directive":"continue","nextBeatSeconds":30}`), "20")
	f.Fuzz(func(t *testing.T, status int, body []byte, header string) {
		answer := interpret(status, body, isBeat, header)
		if answer.Kind != "ok" && answer.Kind != "problem" && answer.Kind != "unclear" {
			t.Errorf("%+v", answer)
		}
	})
}
