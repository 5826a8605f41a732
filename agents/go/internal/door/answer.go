package door

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/wire"
)

type fields = map[string]any

// Whether a body has these fields in these types: what a broken proxy makes up does not.
func has(body fields, texts, numbers []string) bool {
	for _, name := range texts {
		if _, ok := body[name].(string); !ok {
			return false
		}
	}
	for _, name := range numbers {
		if _, ok := body[name].(float64); !ok {
			return false
		}
	}
	return true
}

func isClaim(body fields) bool {
	return has(body, []string{"token", "directive"}, []string{"attempt", "fence", "nextBeatSeconds"})
}
func isBeat(body fields) bool {
	return has(body, []string{"directive"}, []string{"nextBeatSeconds"})
}
func isFinish(body fields) bool { return has(body, []string{"state"}, nil) }
func isAny(fields) bool         { return true }

var problemType = regexp.MustCompile(`^urn:lastbeat:problem:([a-z-]+)$`)

// The meaning of a response. Only one of our own problems says anything about the attempt: a broken gateway answers 403 to everybody, and a
// command must not die of that.
func interpret(status int, text []byte, isExpected func(fields) bool, retryAfter string) heart.Answer {
	answer := heart.Answer{Kind: "unclear", RetryAfter: retryAfterOf(retryAfter)}
	answer.Detail = "status " + strconv.Itoa(status) + " with a body that is not ours"
	var body fields
	if len(text) > mostBytes || json.Unmarshal(text, &body) != nil || body == nil {
		return answer
	}
	named, _ := body["type"].(string)
	if found := problemType.FindStringSubmatch(named); found != nil {
		name := found[1]
		if name == "internal" || name == "contended" {
			answer.Detail = "the server answered " + name
			return answer
		}
		answer.Kind, answer.Name = "problem", name
		answer.Detail, _ = body["detail"].(string)
		return answer
	}
	var typed wire.Body
	if status != http.StatusOK || !isExpected(body) || json.Unmarshal(text, &typed) != nil {
		return answer
	}
	return heart.Answer{Kind: "ok", Body: typed}
}

var wholeSeconds = regexp.MustCompile(`^\d{1,9}$`)

// No server sends an agent away for longer than this: it is a tenth of the usual start window.
const longestRetryAfter heart.Span = 90_000

func retryAfterOf(header string) heart.Span {
	header = strings.TrimSpace(header)
	if !wholeSeconds.MatchString(header) {
		return 0
	}
	seconds, _ := strconv.ParseInt(header, 10, 64)
	return min(longestRetryAfter, heart.Span(seconds*1000))
}
