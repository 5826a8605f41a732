// A real Kubernetes for tests, in one binary: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubelet.
//
//	kubernetes control-plane -dir DIR [-kcm-args "..."]   prints "ready ADDRESS" when DIR/kubeconfig can be used
//	kubernetes kubelet ...                                the kubelet, with its own flags
//
// Everything listens on 127.0.0.1, on free ports. SIGTERM ends all of it.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// The components. Each needs a process of its own: signal handlers, flags and feature gates are one per process.
var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
}

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	if name == "control-plane" {
		controlPlane()
		return
	}
	command, ok := components[name]
	if !ok {
		os.Exit(2)
	}
	os.Exit(cli.Run(command()))
}
