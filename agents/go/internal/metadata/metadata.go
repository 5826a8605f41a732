// Package metadata asks the EC2 instance metadata (IMDSv2) whether the instance is about to be taken.
package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"lastbeat/agent/internal/wire"
)

// Default is where every EC2 instance finds its own metadata.
const Default = "http://169.254.169.254"

const (
	// Two minutes are the whole notice: of these, this much is lost at the most.
	poll = 5 * time.Second
	// The metadata is answered by the host itself, or not at all: a pod behind a hop limit hears nothing.
	timeout = time.Second
	// Metadata that does not answer for so long at the start is not there.
	patience = time.Minute
)

// Where Linux shows what the firmware says. On EC2 (Nitro) the vendor is Amazon, and the asset tag is the instance.
const firmware = "/sys/devices/virtual/dmi/id/"

func said(name string) string {
	text, _ := os.ReadFile(firmware + name) // no such firmware, or no such system
	return strings.TrimSpace(string(text))
}

// IsOnEC2 tells whether the machine is one of EC2's.
func IsOnEC2() bool { return said("sys_vendor") == "Amazon EC2" }

var instance = regexp.MustCompile(`^i-[0-9a-f]+$`)

// InstanceID is the id of the EC2 instance, where the firmware tells it; else it is empty.
func InstanceID() string {
	if tag := said("board_asset_tag"); instance.MatchString(tag) {
		return tag
	}
	return ""
}

// Announcement is what the metadata say: "spot" with a deadline, or "rebalance" with the time of the recommendation.
type Announcement struct{ Notice, At, Deadline string }

type asker struct {
	base   string
	client *http.Client
	token  string
}

// Poll asks until the context ends, and announces each kind once.
func Poll(ctx context.Context, base string, announce func(Announcement), say func(string)) {
	a := &asker{
		base: strings.TrimRight(base, "/") + "/latest/",
		// Never by a proxy: the answer would be about the proxy's own host.
		client: &http.Client{Transport: &http.Transport{}, Timeout: timeout},
	}
	defer a.client.CloseIdleConnections()
	if !a.begin(ctx, say) {
		return
	}
	heard := map[string]bool{}
	hear := func(what *Announcement) {
		if what != nil && !heard[what.Notice] && ctx.Err() == nil {
			heard[what.Notice] = true
			announce(*what)
		}
	}
	for {
		var spot struct {
			Time string `json:"time"`
		}
		if a.read(ctx, "spot/instance-action", &spot) == nil {
			if at, ok := wire.ParseInstant(spot.Time); ok {
				hear(&Announcement{Notice: "spot", Deadline: wire.FormatInstant(at)})
			}
		}
		var rebalance struct {
			NoticeTime string `json:"noticeTime"`
		}
		if a.read(ctx, "events/recommendations/rebalance", &rebalance) == nil {
			what := Announcement{Notice: "rebalance"}
			if at, ok := wire.ParseInstant(rebalance.NoticeTime); ok {
				what.At = wire.FormatInstant(at)
			}
			hear(&what)
		}
		if !sleep(ctx, poll) {
			return
		}
	}
}

// Gets a token. The first request may come before the network of the pod is up, so it is repeated for a while.
func (a *asker) begin(ctx context.Context, say func(string)) bool {
	end := time.Now().Add(patience)
	for {
		err := a.renew(ctx)
		if err == nil {
			return true
		}
		if time.Now().After(end) {
			say(fmt.Sprintf("the instance metadata at %s do not answer (%v): a spot notice comes with the beats alone", a.base, err))
			return false
		}
		if !sleep(ctx, poll) {
			return false
		}
	}
}

func sleep(ctx context.Context, span time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(span):
		return true
	}
}

func (a *asker) ask(ctx context.Context, method, path, header, value string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set(header, value)
	response, err := a.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	return response.StatusCode, text, err
}

func (a *asker) renew(ctx context.Context) error {
	const sixHours = "21600"
	status, text, err := a.ask(ctx, http.MethodPut, "api/token", "X-aws-ec2-metadata-token-ttl-seconds", sixHours)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("status %d", status)
	}
	a.token = string(text)
	return nil
}

var errNothing = errors.New("nothing is announced")

// Reads a path as JSON. 404 says that nothing is announced.
func (a *asker) read(ctx context.Context, path string, into any) error {
	get := func() (int, []byte, error) {
		return a.ask(ctx, http.MethodGet, "meta-data/"+path, "X-aws-ec2-metadata-token", a.token)
	}
	status, text, err := get()
	if err == nil && status == http.StatusUnauthorized && a.renew(ctx) == nil {
		status, text, err = get()
	}
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return errNothing
	}
	return json.Unmarshal(text, into)
}
