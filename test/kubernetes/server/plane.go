package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// What the stories need. Every other controller only takes memory.
const controllersInUse = "job-controller,pod-garbage-collector-controller,node-lifecycle-controller,taint-eviction-controller," +
	"namespace-controller,serviceaccount-controller,garbage-collector-controller,disruption-controller," +
	"ttl-after-finished-controller,root-ca-certificate-publisher-controller"

// How long an API server may take to be ready, on a machine that is busy. It takes 4 s on one that is not.
const readyWithin = 60 * time.Second

// The folder of everything that the plane writes.
type folder string

func (f folder) file(name string) string { return filepath.Join(string(f), name) }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubernetes:", err)
		os.Exit(1)
	}
}

// A port that is free now. Another process may take it before it is used; then the start fails, and says so.
func freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// Starts this binary as one component. It dies with us.
func (f folder) start(name string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	must(err)
	command := exec.Command(self, append([]string{name}, args...)...)
	log, err := os.Create(f.file(name + ".log"))
	must(err)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	must(command.Start())
	return command
}

func loopback(port int) url.URL {
	return url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
}

func (f folder) startEtcd() (*embed.Etcd, string) {
	config := embed.NewConfig()
	config.Dir, config.LogLevel, config.UnsafeNoFsync = f.file("etcd"), "error", true
	clients, peers := []url.URL{loopback(freePort())}, []url.URL{loopback(freePort())}
	config.ListenClientUrls, config.AdvertiseClientUrls = clients, clients
	config.ListenPeerUrls, config.AdvertisePeerUrls = peers, peers
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	must(err)
	<-etcd.Server.ReadyNotify()
	return etcd, clients[0].String()
}

// The key that signs the tokens of service accounts, and the token of the administrator.
func (f folder) writeSecrets() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	must(os.WriteFile(f.file("sa.key"), pem.EncodeToMemory(block), 0o600))
	random := make([]byte, 16)
	_, err = rand.Read(random)
	must(err)
	token := fmt.Sprintf("%x", random)
	must(os.WriteFile(f.file("tokens.csv"), []byte(token+",admin,admin,system:masters\n"), 0o600))
	return token
}

func awaitReady(address, token, log string) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{Transport: transport, Timeout: 2 * time.Second}
	for end := time.Now().Add(readyWithin); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		request, err := http.NewRequest(http.MethodGet, address+"/readyz", nil)
		must(err)
		request.Header.Set("Authorization", "Bearer "+token)
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
	}
	must(fmt.Errorf("the API server is not ready, see %s", log))
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: test, user: {token: %q}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
`

func controlPlane() {
	dir := flag.String("dir", "", "the folder of everything that is written")
	controllerArgs := flag.String("kcm-args", "", "more flags of kube-controller-manager")
	serverArgs := flag.String("apiserver-args", "", "more flags of kube-apiserver")
	flag.Parse()
	runtime.LockOSThread() // the death of this thread, not of the process, ends the children
	f := folder(*dir)
	must(os.MkdirAll(*dir, 0o755))
	etcd, etcdURL := f.startEtcd()
	token := f.writeSecrets()
	port := freePort()
	address := fmt.Sprintf("https://127.0.0.1:%d", port)
	children := []*exec.Cmd{f.start("kube-apiserver", append([]string{
		"--etcd-servers=" + etcdURL, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port), "--cert-dir=" + *dir, "--token-auth-file=" + f.file("tokens.csv"),
		"--authorization-mode=Node,RBAC", "--service-account-issuer=" + address,
		"--service-account-key-file=" + f.file("sa.key"), "--service-account-signing-key-file=" + f.file("sa.key"),
		"--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none",
	}, strings.Fields(*serverArgs)...)...)}
	awaitReady(address, token, f.file("kube-apiserver.log"))
	must(os.WriteFile(f.file("kubeconfig"), []byte(fmt.Sprintf(kubeconfig, address, f.file("apiserver.crt"), token)), 0o600))
	config := f.file("kubeconfig")
	client := []string{
		"--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
		"--leader-elect=false", "--secure-port=0",
	}
	// The default of 20 requests a second makes 50 Jobs take 14 s.
	manager := append(append([]string{}, client...), "--controllers="+controllersInUse,
		"--root-ca-file="+f.file("apiserver.crt"), "--service-account-private-key-file="+f.file("sa.key"),
		"--kube-api-qps=500", "--kube-api-burst=1000", "--concurrent-job-syncs=20")
	children = append(children,
		f.start("kube-controller-manager", append(manager, strings.Fields(*controllerArgs)...)...),
		f.start("kube-scheduler", client...))
	fmt.Println("ready", address)
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	<-told
	for i := len(children) - 1; i >= 0; i-- {
		end(children[i])
	}
	etcd.Close()
}

// Asks a component to end, and ends it if it does not.
func end(command *exec.Cmd) {
	done := make(chan struct{})
	go func() { command.Wait(); close(done) }()
	command.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		command.Process.Kill()
		<-done
	}
}
