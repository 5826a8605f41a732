package pod

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Answers is what the kubelet is told.
type answers interface {
	// Started tells whether the main container may start, and why not.
	Started() (bool, string)
	// Live tells whether the main container may go on, and why not.
	Live() (bool, string)
	// Leaving is told that the kubelet is about to end the pod.
	Leaving()
}

// A probe is a line and some headers. What is longer, or takes longer, is none: the kubelet waits for a second.
const (
	probeBytes   = 8 * 1024
	probeTimeout = time.Second
	// The kubelet asks a few at a time. Of more than that the oldest is closed: a client that keeps connections open must not keep the kubelet out.
	mostProbes = 64
)

// Serves the probes until the listener is closed. An HTTP server of the library would cost half a megabyte for these three answers.
func serve(listener net.Listener, a answers) {
	var mutex sync.Mutex
	var open []net.Conn
	for {
		connection, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no descriptor is free
			time.Sleep(100 * time.Millisecond)
			continue
		}
		mutex.Lock()
		if open = append(open, connection); len(open) > mostProbes {
			open[0].Close()
			open = open[1:]
		}
		mutex.Unlock()
		go func() {
			_ = connection.SetDeadline(time.Now().Add(probeTimeout))
			answer(connection, a)
			connection.Close()
			mutex.Lock()
			open = slices.DeleteFunc(open, func(one net.Conn) bool { return one == connection })
			mutex.Unlock()
		}()
	}
}

func answer(connection net.Conn, a answers) {
	request := bufio.NewReader(io.LimitReader(connection, probeBytes))
	line, err := request.ReadString('\n')
	if err != nil {
		return
	}
	for { // the headers say nothing that matters
		header, err := request.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimSpace(header) == "" {
			break
		}
	}
	status, text := "200 OK", "yes"
	switch parts := strings.Fields(line); {
	case len(parts) != 3:
		status, text = "400 Bad Request", "not a request"
	case parts[1] == "/started":
		status, text = said(a.Started())
	case parts[1] == "/live":
		status, text = said(a.Live())
	case parts[1] == "/leaving":
		a.Leaving()
	default:
		status, text = "404 Not Found", "there are /started, /live and /leaving"
	}
	fmt.Fprintf(connection, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n", status, len(text)+1, text)
}

func said(isSo bool, why string) (status, text string) {
	if isSo {
		return "200 OK", "yes"
	}
	return "503 Service Unavailable", why
}

// The kubelet ends a program that takes longer than its timeoutSeconds itself.
const askTimeout = 5 * time.Second

// Probe asks the sidecar on this machine, for a probe or a hook that runs a program. It returns an error unless the answer is yes.
func Probe(name string, port int) error {
	connection, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), askTimeout)
	if err != nil {
		return err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(askTimeout))
	if _, err := fmt.Fprintf(connection, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", name); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(connection, probeBytes))
	if err != nil {
		return err
	}
	head, body, _ := strings.Cut(string(text), "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		return fmt.Errorf("no: %s", strings.TrimSpace(body))
	}
	return nil
}
