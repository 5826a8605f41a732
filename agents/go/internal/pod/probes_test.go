package pod

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

type fixed struct {
	isLive bool
	left   chan struct{}
}

func (f fixed) Started() (bool, string) { return true, "" }
func (f fixed) Live() (bool, string)    { return f.isLive, "canceled" }
func (f fixed) Leaving()                { f.left <- struct{}{} }

func served(t *testing.T, a answers) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go serve(listener, a)
	return listener.Addr().(*net.TCPAddr).Port
}

// The kubelet's client is that of Go's library, which takes an answer only if it is HTTP.
func TestAProbeIsAnsweredInHTTP(t *testing.T) {
	a := fixed{left: make(chan struct{}, 2)}
	port := served(t, a)
	for path, want := range map[string]string{
		"started": "200 yes\n", "live": "503 canceled\n", "leaving": "200 yes\n", "other": "404 there are /started, /live and /leaving\n",
	} {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/%s", port, path))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if got := fmt.Sprintf("%d %s", response.StatusCode, text); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	<-a.left
	if err := Probe("live", port); err == nil || err.Error() != "no: canceled" {
		t.Error(err)
	}
	if err := Probe("started", port); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoProbeIsClosed(t *testing.T) {
	port := served(t, fixed{})
	for _, text := range []string{"\r\n\r\n", "GET /live\r\n\r\n", "GET /live HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", 5000)} {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(connection, text)
		answer, _ := io.ReadAll(connection)
		connection.Close()
		if strings.HasPrefix(string(answer), "HTTP/1.1 200") || strings.HasPrefix(string(answer), "HTTP/1.1 503") {
			t.Errorf("%.20q: %q", text, answer)
		}
	}
	// And the next one is answered.
	if err := Probe("started", port); err != nil {
		t.Error(err)
	}
}
