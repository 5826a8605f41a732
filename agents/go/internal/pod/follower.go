package pod

import (
	"time"

	"lastbeat/agent/internal/heart"
)

// A follower knows how the main container is, from what it is shown of the pod, and says when to look again. It is pure: the time is an
// argument.
type follower struct {
	// The main container; empty for the only one.
	container string
	// The pod that is ours. Another one may have its name: the object was deleted, and somebody made it again.
	uid string

	// Whether it was seen running, and whether the kubelet will say when it has ended.
	isSeen, isWatched bool
	// Whether the last look failed.
	isFailed bool
	// When somebody has asked for a look. Everybody in the cluster can.
	askedAt time.Time
	// Since when the main container cannot start.
	stuckSince time.Time
}

const (
	// Until the main container is seen running, an image that cannot be pulled would go unnoticed.
	lookAtStart = 15 * time.Second
	// Without the kubelet's word the end has to be looked for. A thousand pods cost the API server 33 requests a second.
	lookUnasked = 30 * time.Second
	// When the pod ends, its API may not know how for a second or two, and the pod has its grace.
	lookAtEnd = time.Second
	// After a look that failed.
	lookAgain = 5 * time.Second
	// If the pod goes on, it was somebody else who asked.
	mostAsked = 30 * time.Second
	// An image that could not be pulled for so long is not there. The kubelet tries again after 5 minutes at most.
	mostStuck = 5*time.Minute + 30*time.Second
)

// How long until the next look; ok is false for not at all, until somebody asks. It is urgent when the kubelet has ended this container, and
// when the main container has to stop.
func (f *follower) pause(isUrgent bool, now time.Time) (wait time.Duration, ok bool) {
	switch {
	case isUrgent || now.Sub(f.askedAt) < mostAsked:
		return lookAtEnd, true
	case f.isFailed:
		return lookAgain, true
	case !f.isSeen:
		return lookAtStart, true
	case !f.isWatched:
		return lookUnasked, true
	}
	return 0, false
}

// What a look has shown.
type news struct {
	// Why nothing is known.
	failure string
	// The pod has the name of ours, and is another one.
	isForeign bool
	// The pod goes, and not because the main container has ended.
	isGoing bool
	// How the main container has ended; nil while it has not.
	end *heart.ChildEnd
}

// Learns from the pod as it is.
func (f *follower) learn(v view, err error, now time.Time) news {
	main, unknown := container{}, err
	if err == nil {
		main, unknown = v.main(f.container)
	}
	if f.isFailed = unknown != nil; f.isFailed {
		return news{failure: unknown.Error()}
	}
	if f.uid == "" {
		f.uid = v.Metadata.UID
	}
	if v.Metadata.UID != f.uid {
		return news{isForeign: true}
	}
	found, _ := v.statusOf(main.Name)
	if end, ok := found.end(main); ok {
		return news{isGoing: v.isGoing(), end: &end}
	}
	if found.State.Running != nil {
		f.isSeen = true
		// The kubelet ends a native sidecar after all containers. Beside a single one, this is a native sidecar: else it would be the second.
		f.isWatched = len(v.Spec.Containers) == 1
	}
	switch why := found.stuck(); {
	case why == "":
		f.stuckSince = time.Time{}
	case f.stuckSince.IsZero():
		f.stuckSince = now
	case now.Sub(f.stuckSince) > mostStuck:
		end := heart.Unstartable(heart.ExitNotExecutable, why)
		return news{isGoing: v.isGoing(), end: &end}
	}
	return news{isGoing: v.isGoing()}
}
