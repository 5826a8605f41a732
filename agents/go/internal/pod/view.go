package pod

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lastbeat/agent/internal/heart"
	"lastbeat/agent/internal/process"
)

// What matters of a pod (kubernetes.io, core/v1 Pod).
type view struct {
	Metadata struct {
		UID               string `json:"uid"`
		DeletionTimestamp string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		RestartPolicy                 string      `json:"restartPolicy"`
		TerminationGracePeriodSeconds *int64      `json:"terminationGracePeriodSeconds"`
		ShareProcessNamespace         bool        `json:"shareProcessNamespace"`
		InitContainers                []container `json:"initContainers"`
		Containers                    []container `json:"containers"`
	} `json:"spec"`
	Status struct {
		Reason     string `json:"reason"`
		Conditions []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
		ContainerStatuses []status `json:"containerStatuses"`
	} `json:"status"`
}

type container struct {
	Name          string `json:"name"`
	RestartPolicy string `json:"restartPolicy"`
	StartupProbe  *probe `json:"startupProbe"`
	LivenessProbe *probe `json:"livenessProbe"`
	Resources     struct {
		Limits map[string]string `json:"limits"`
	} `json:"resources"`
}

type probe struct {
	HTTPGet *struct {
		Path string          `json:"path"`
		Port json.RawMessage `json:"port"`
	} `json:"httpGet"`
	Exec *struct {
		Command []string `json:"command"`
	} `json:"exec"`
	PeriodSeconds                 int64  `json:"periodSeconds"`
	FailureThreshold              int64  `json:"failureThreshold"`
	TimeoutSeconds                int64  `json:"timeoutSeconds"`
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds"`
}

type status struct {
	Name  string `json:"name"`
	State struct {
		Waiting *struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"waiting"`
		Running    *struct{} `json:"running"`
		Terminated *struct {
			ExitCode int    `json:"exitCode"`
			Signal   int    `json:"signal"`
			Reason   string `json:"reason"`
			Message  string `json:"message"`
		} `json:"terminated"`
	} `json:"state"`
}

// Whether the pod is taken away: it is being deleted, or the kubelet or a controller disrupts it.
func (v view) isGoing() bool {
	if v.Metadata.DeletionTimestamp != "" || slices.Contains([]string{"Evicted", "Preempting", "NodeShutdown", "Terminated"}, v.Status.Reason) {
		return true
	}
	for _, one := range v.Status.Conditions {
		if one.Type == "DisruptionTarget" && one.Status == "True" {
			return true
		}
	}
	return false
}

// Whether it is a probe of this sidecar. A port by name is taken for ours.
func (p *probe) isOurs(name string, port int) bool {
	switch {
	case p == nil:
		return false
	case p.HTTPGet != nil:
		at := string(p.HTTPGet.Port)
		return p.HTTPGet.Path == "/"+name && (at == strconv.Itoa(port) || strings.HasPrefix(at, `"`))
	case p.Exec != nil:
		return slices.Contains(p.Exec.Command, "probe") && slices.Contains(p.Exec.Command, name)
	}
	return false
}

// The main container: the one that was named, or the only one.
func (v view) main(named string) (container, error) {
	var names []string
	for _, one := range v.Spec.Containers {
		if one.Name == named || (named == "" && len(v.Spec.Containers) == 1) {
			return one, nil
		}
		names = append(names, one.Name)
	}
	if named == "" {
		return container{}, fmt.Errorf("the pod has the containers %s: name the main one with --container", strings.Join(names, ", "))
	}
	return container{}, fmt.Errorf("the pod has no container %s, but %s", named, strings.Join(names, ", "))
}

func (v view) statusOf(name string) (status, bool) {
	for _, one := range v.Status.ContainerStatuses {
		if one.Name == name {
			return one, true
		}
	}
	return status{}, false
}

// What keeps a container from starting, and does not go away by itself in minutes. The kubelet tries again all the time.
var stuck = []string{
	"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError",
}

// Why the main container cannot start; empty where nothing is known to be wrong.
func (s status) stuck() string {
	if waiting := s.State.Waiting; waiting != nil && slices.Contains(stuck, waiting.Reason) {
		return strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": ")
	}
	return ""
}

// How the main container has ended; ok is false while it has not.
func (s status) end(main container) (end heart.ChildEnd, ok bool) {
	terminated := s.State.Terminated
	if terminated == nil {
		return end, false
	}
	code := terminated.ExitCode
	end.Status = code
	switch number := signalOf(code, terminated.Signal); {
	case terminated.Reason == "StartError" || terminated.Reason == "ContainerCannotRun":
		return heart.Unstartable(heart.ExitNotExecutable, terminated.Reason+": "+terminated.Message), true
	case number != 0:
		end.Signal = process.SignalName(number)
		end.Status = 128 + int(number)
	default:
		end.ExitCode = &code
	}
	if terminated.Reason == "OOMKilled" {
		end.OutOfMemory = &heart.OutOfMemory{LimitBytes: bytesOf(main.Resources.Limits["memory"])}
	}
	return end, true
}

// The kubelet shows a death by a signal as its exit code, 128 + n. So does a shell that leaves because its child died.
func signalOf(code, signal int) syscall.Signal {
	switch {
	case signal != 0:
		return syscall.Signal(signal)
	case code == 128+int(syscall.SIGKILL) || code == 128+int(syscall.SIGTERM) || code == 128+int(syscall.SIGINT):
		return syscall.Signal(code - 128)
	}
	return 0
}

// What is wrong with the pod, in sentences for its author: nothing here keeps the attempt from running.
func (v view) complaints(main container, lease heart.Span, port int) []string {
	var found []string
	if v.Spec.RestartPolicy != "Never" {
		found = append(found, fmt.Sprintf(
			"the pod's restartPolicy is %s: the kubelet would start the main container again beside the next attempt; set Never", v.Spec.RestartPolicy))
	}
	if len(v.Spec.Containers) > 1 {
		found = append(found, fmt.Sprintf(
			"there are containers beside %s, so the kubelet does not say when it has ended: that is looked for every 30 s", main.Name))
	}
	isGated := slices.ContainsFunc(v.Spec.InitContainers, func(one container) bool {
		return one.RestartPolicy == "Always" && one.StartupProbe.isOurs("started", port)
	})
	if !isGated {
		found = append(found,
			"no init container with restartPolicy Always has a startupProbe on /started: the main container does not wait until the attempt is ours")
	}
	if !main.LivenessProbe.isOurs("live", port) {
		if !v.Spec.ShareProcessNamespace {
			found = append(found, fmt.Sprintf("%s has no livenessProbe on /live of this container: nothing can stop it when the attempt is over", main.Name))
		}
		return found
	}
	takes := v.stopTakes(*main.LivenessProbe)
	if grace := time.Duration(heart.PaceOf(lease).Grace) * time.Millisecond; takes > grace {
		found = append(found, fmt.Sprintf(
			"the livenessProbe of %s takes up to %v to stop it, and the lease leaves %v: shorten periodSeconds, failureThreshold or the probe's terminationGracePeriodSeconds",
			main.Name, takes, grace))
	}
	return found
}

// How long it takes at most from a probe that fails to the end of the container.
func (v view) stopTakes(p probe) time.Duration {
	grace := int64(30) // the default of Kubernetes
	if v.Spec.TerminationGracePeriodSeconds != nil {
		grace = *v.Spec.TerminationGracePeriodSeconds
	}
	if p.TerminationGracePeriodSeconds != nil {
		grace = *p.TerminationGracePeriodSeconds
	}
	orElse := func(value, otherwise int64) int64 {
		if value == 0 {
			return otherwise
		}
		return value
	}
	probing := orElse(p.PeriodSeconds, 10)*orElse(p.FailureThreshold, 3) + orElse(p.TimeoutSeconds, 1)
	return time.Duration(probing+grace) * time.Second
}

var errNoQuantity = errors.New("not a quantity")

// A quantity of Kubernetes (resource.Quantity), such as 512Mi, 1.5Gi, 500M or 1e9, in bytes; 0 for what is none.
func bytesOf(quantity string) int64 {
	value, err := parseQuantity(quantity)
	if err != nil || value < 0 || value >= 1<<62 {
		return 0
	}
	return int64(value)
}

func parseQuantity(quantity string) (float64, error) {
	digits := strings.TrimRight(quantity, "KMGTPEkmi")
	factor, ok := map[string]float64{
		"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
		"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
	}[quantity[len(digits):]]
	if !ok {
		return 0, errNoQuantity
	}
	value, err := strconv.ParseFloat(digits, 64)
	return value * factor, err
}
