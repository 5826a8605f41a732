// Package pod is work that is the main container of a pod. The agent runs beside it, as a native sidecar: it keeps the main container from
// starting until the attempt is ours (startupProbe), has it stopped by the kubelet when it has to stop (livenessProbe), and asks the
// Kubernetes API how it has ended. Nothing of the main container is changed but its probe.
package pod

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"lastbeat/agent/internal/attempt"
	"lastbeat/agent/internal/driver"
	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/settings"
	"lastbeat/agent/internal/ticket"
)

// Sidecar claims, lets the main container start, and reports its end. It returns the exit code.
func Sidecar(s settings.Sidecar) int {
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", s.Port))
	if err != nil {
		return failed("the port of the probes cannot be used: %v", err)
	}
	defer listener.Close()
	if s.Cluster == "" {
		return failed("this is no pod: KUBERNETES_SERVICE_HOST is not set, and the end of the main container would never be known")
	}
	api, err := newCluster(s.Cluster, s.ServiceAccount, s.Namespace, s.Pod, s.Port)
	if err != nil {
		return failed("%v", err)
	}
	kept := &state{Record: Record{Holder: attempt.NewID()}}
	if s.StateDir == "" {
		s.Warnings = append(s.Warnings, "a sidecar that dies and comes back is taken for somebody else without --state-dir: mount an emptyDir and name it")
	} else if opened, err := openState(s.StateDir, s.Ticket, s.Pod); err == nil {
		kept = opened
	} else {
		s.Warnings = append(s.Warnings, fmt.Sprintf("a sidecar that dies and comes back will be taken for somebody else: %v", err))
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := &work{
		api: api, kept: kept, ctx: ctx, asked: make(chan struct{}, 1),
		follower: follower{container: s.Container, uid: kept.UID},
	}
	if w.isOver = kept.Abandoned; w.isOver {
		go serve(listener, w)
		return w.waitForEnd()
	}
	go serve(listener, w)
	if !kept.isStarted() {
		if code := w.inspect(s.Ticket); code != 0 {
			return code
		}
	}
	return attempt.Run(s.Attempt, kept.Holder, func(a *attempt.Attempt) attempt.Work {
		w.attempt = a
		a.Held = w.held
		if kept.isStarted() {
			a.Resume = &driver.Resume{Attempt: kept.Attempt, Fence: kept.Fence, Hold: *kept.Hold}
			w.hasGap = true
		}
		return w
	})
}

func failed(format string, parts ...any) int {
	fmt.Fprintf(os.Stderr, "lastbeat: "+format+"\n", parts...)
	return heart.ExitAgentError
}

// Has the main container stopped by its probe, for as long as this container is started again beside it.
func (w *work) waitForEnd() int {
	fmt.Fprintln(os.Stderr, "lastbeat: this attempt was given up: its main container has to stop")
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	return heart.ExitAgentError
}

// Looks at the pod before it claims: an attempt whose end could not be known must not begin. It says what is wrong with the pod, asks again
// while the API does not answer, and gives up, with a code, what no time will mend.
func (w *work) inspect(credential string) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	claims, _ := ticket.Parse(credential) // one that is none is said by the attempt
	said := ""
	for {
		v, err := w.api.read(w.ctx)
		if err == nil {
			main, err := v.main(w.follower.container)
			if err != nil {
				return failed("%v", err)
			}
			for _, complaint := range v.complaints(main, heart.Span(claims.Lease), w.api.port) {
				fmt.Fprintln(os.Stderr, "lastbeat: "+complaint)
			}
			w.follower.uid = v.Metadata.UID
			return 0
		}
		if isFinal(err) {
			return failed("the pod cannot be read, so the end of its main container would never be known: %v", err)
		}
		if said != err.Error() {
			fmt.Fprintf(os.Stderr, "lastbeat: the pod cannot be read: %v; the question is asked again\n", err)
		}
		said = err.Error()
		select {
		case one := <-signals:
			return 128 + int(one.(syscall.Signal))
		case <-time.After(lookAgain):
		}
	}
}
