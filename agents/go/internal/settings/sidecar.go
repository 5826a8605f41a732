package settings

import (
	"net"
	"os"
	"strconv"
)

// Sidecar is what `lastbeat sidecar` was told.
type Sidecar struct {
	Attempt
	// Port is where the probes of the kubelet are answered.
	Port int
	// Container is the main container; empty where the pod has only one.
	Container string
	Pod       string
	// Namespace of the pod; empty for that of the service account.
	Namespace string
	// Cluster is the address of the Kubernetes API; empty where this is no pod.
	Cluster string
	// ServiceAccount is the folder with the token and the certificate of the cluster.
	ServiceAccount string
}

// DefaultPort is the port of the probes.
const DefaultPort = 8789

var sidecarOptions = with(map[string]option{
	"port":      {variable: "LASTBEAT_SIDECAR_PORT"},
	"container": {variable: "LASTBEAT_CONTAINER"},
})

// ReadSidecar reads the arguments after `sidecar`.
func ReadSidecar(arguments []string, environment func(string) string) (c Sidecar, err error) {
	s, rest, err := heard(arguments, sidecarOptions, "", environment)
	if err != nil {
		return c, err
	}
	if len(rest) > 0 {
		return c, usage("a sidecar starts no command: the pod's main container is its work; lastbeat exec starts one")
	}
	if c.Attempt, err = s.attempt(); err != nil {
		return c, err
	}
	if c.Port, err = port(s.chosen("port")); err != nil {
		return c, err
	}
	c.Container = s.chosen("container")
	c.Namespace = s.variable("POD_NAMESPACE")
	if c.Pod = s.variable("POD_NAME"); c.Pod == "" {
		c.Pod, _ = os.Hostname() // the kubelet names the host of a pod after the pod
	}
	if host := s.variable("KUBERNETES_SERVICE_HOST"); host != "" {
		port := s.variable("KUBERNETES_SERVICE_PORT")
		if port == "" {
			port = "443"
		}
		c.Cluster = "https://" + net.JoinHostPort(host, port)
	}
	if c.ServiceAccount = s.variable("LASTBEAT_SERVICE_ACCOUNT"); c.ServiceAccount == "" {
		c.ServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"
	}
	return c, nil
}

// Probe is what `lastbeat probe` was told.
type Probe struct {
	// Name is started, live or leaving.
	Name string
	Port int
}

// ReadProbe reads the arguments after `probe`.
func ReadProbe(arguments []string, environment func(string) string) (p Probe, err error) {
	const needs = "lastbeat probe started|live|leaving [--port PORT]"
	if len(arguments) == 0 {
		return p, usage("a probe has a name: %s", needs)
	}
	p.Name = arguments[0]
	if p.Name != "started" && p.Name != "live" && p.Name != "leaving" {
		return p, usage("there is no probe %q: %s", p.Name, needs)
	}
	options := map[string]option{"port": sidecarOptions["port"]}
	s, rest, err := heard(arguments[1:], options, "", environment)
	if err != nil {
		return p, err
	}
	if len(rest) > 0 {
		return p, usage("a probe takes no command: %s", needs)
	}
	p.Port, err = port(s.chosen("port"))
	return p, err
}

func port(text string) (int, error) {
	if text == "" {
		return DefaultPort, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > 65535 {
		return 0, usage("--port (LASTBEAT_SIDECAR_PORT) takes a number from 1 to 65535, not %q", text)
	}
	return number, nil
}
