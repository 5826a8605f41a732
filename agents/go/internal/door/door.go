// Package door makes a runner's calls to the front doors of a deployment (docs/protocol.md). No call fails: what goes wrong is an unclear
// answer.
package door

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/wire"
)

// Caller is how a run's calls are made.
type Caller struct {
	Run string
	// Timeout is how long an answer is waited for.
	Timeout time.Duration
	// Identity gives the token of the cluster, where the front door asks for one; asked for each call, because it is renewed.
	Identity func() string
	Client   *http.Client
}

// Notice is what a runner tells about its host; instants are RFC 3339.
type Notice struct {
	Kind     string `json:"kind"`
	At       string `json:"at"`
	Deadline string `json:"deadline,omitempty"`
}

// Doors are the front doors of a run as one: after an unclear answer the next request goes to the next of them.
type Doors struct {
	caller Caller
	all    *failover

	mutex sync.Mutex
	beats *failover
}

// Addresses are those of a list that is separated by commas.
func Addresses(list string) []string {
	var found []string
	for address := range strings.SplitSeq(list, ",") {
		if address = strings.TrimSpace(address); address != "" {
			found = append(found, address)
		}
	}
	return found
}

// IsAddress tells whether a text is the address of a front door.
func IsAddress(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && parsed.Host != "" && (parsed.Scheme == "http" || parsed.Scheme == "https")
}

// Open makes the doors of these addresses; there is at least one.
func Open(addresses []string, caller Caller) *Doors {
	all := newFailover(addresses)
	return &Doors{caller: caller, all: all, beats: all}
}

// Claim opens the attempt of a ticket. Beats go to the address that the reply names, if it names one; the others take them when it fails.
func (d *Doors) Claim(ctx context.Context, ticket string, holder map[string]string) heart.Answer {
	answer := d.all.ask(func(address string) heart.Answer {
		return d.call(ctx, address, "claim", ticket, map[string]any{"holder": holder}, isClaim)
	})
	if answer.Kind == "ok" && isAsSafe(answer.Body.BeatURL, d.all.addresses[0]) {
		d.mutex.Lock()
		d.beats = newFailover(append([]string{answer.Body.BeatURL}, d.all.addresses...))
		d.mutex.Unlock()
	}
	return answer
}

// Beat says that the attempt is alive.
func (d *Doors) Beat(ctx context.Context, token string, progress *wire.Progress) heart.Answer {
	d.mutex.Lock()
	beats := d.beats
	d.mutex.Unlock()
	body := map[string]any{}
	if progress != nil {
		body["progress"] = progress
	}
	return beats.ask(func(address string) heart.Answer { return d.call(ctx, address, "beat", token, body, isBeat) })
}

// Notice tells that the runner is about to be taken.
func (d *Doors) Notice(ctx context.Context, token string, notice Notice) heart.Answer {
	return d.all.ask(func(address string) heart.Answer { return d.call(ctx, address, "notice", token, notice, isAny) })
}

// Finish reports the end of the attempt.
func (d *Doors) Finish(ctx context.Context, token string, report wire.Report) heart.Answer {
	answer := d.all.ask(func(address string) heart.Answer { return d.call(ctx, address, "finish", token, report, isFinish) })
	// A service of an older version refuses what it does not know. An end without it is better than none.
	if plain := report.Plain(); answer.Name == "invalid" && plain != report {
		return d.Finish(ctx, token, plain)
	}
	return answer
}

// Our answers have a few hundred bytes; a gateway that streams must not fill the memory beside the work.
const mostBytes = 64 * 1024

func (d *Doors) call(
	ctx context.Context, address, name, credential string, body any, isExpected func(fields) bool,
) heart.Answer {
	ctx, cancel := context.WithTimeout(ctx, d.caller.Timeout)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return unclear(err.Error())
	}
	run := url.PathEscape(strings.ReplaceAll(d.caller.Run, "/", "~"))
	to := strings.TrimRight(address, "/") + "/v1/runs/" + run + "/" + name
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(text))
	if err != nil {
		return unclear(err.Error())
	}
	request.Header.Set("Authorization", "Bearer "+credential)
	request.Header.Set("Content-Type", "application/json")
	if d.caller.Identity != nil {
		if shown := d.caller.Identity(); shown != "" {
			request.Header.Set("X-Lastbeat-Identity", "Bearer "+shown)
		}
	}
	response, err := d.caller.Client.Do(request)
	if err != nil {
		return unclear(Why(err))
	}
	defer response.Body.Close()
	read, err := io.ReadAll(io.LimitReader(response.Body, mostBytes+1))
	if err != nil {
		return unclear(Why(err))
	}
	status := response.StatusCode
	if name == "notice" && status == http.StatusAccepted {
		status = http.StatusOK
	}
	return interpret(status, read, isExpected, response.Header.Get("Retry-After"))
}

func unclear(detail string) heart.Answer { return heart.Answer{Kind: "unclear", Detail: detail} }

// An address that a token may be sent to: one with TLS, or none where the front door has none either.
func isAsSafe(address, door string) bool {
	if !IsAddress(address) {
		return false
	}
	beats, _ := url.Parse(address)
	first, _ := url.Parse(door)
	return beats.Scheme == "https" || beats.Scheme == first.Scheme
}

// Names that do not leave the machine or the cluster.
var near = regexp.MustCompile(`^(localhost|.+\.localhost|127(\.\d+){3}|::1|.+\.(svc|local))$`)

// IsReadable tells whether what is sent to that address can be read by somebody who listens on the way.
func IsReadable(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Scheme == "http" && !near.MatchString(parsed.Hostname())
}
