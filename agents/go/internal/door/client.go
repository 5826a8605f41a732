package door

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// The roots of Amazon Trust Services, which sign what API Gateway and Lambda serve. They count where the system has none, as in an image
// from scratch. Source: https://www.amazontrust.com/repository/
//
//go:embed amazon-roots.pem
var amazonRoots []byte

var useFallbackRoots = sync.OnceFunc(func() {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(amazonRoots)
	x509.SetFallbackRoots(pool)
})

// NewClient makes the HTTP client of an agent: proxies by the environment, certificates of the system or of SSL_CERT_FILE, both address
// families, no redirect (a credential is not carried to another place), and a connection that is kept from beat to beat.
func NewClient() *http.Client {
	useFallbackRoots()
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			// One connection for the beats, and one for what comes between them. Two intervals of the longest kind are 60 s.
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 32 * 1024,
			// Requests are a few hundred bytes: a second protocol would cost memory and bring nothing.
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		},
	}
}

// Why says in plain words why a request failed.
func Why(err error) string {
	var name *net.DNSError
	var record tls.RecordHeaderError
	var outer *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &name) && name.IsNotFound:
		return "there is no host of that name (ENOTFOUND)"
	case errors.As(err, &name):
		return "the host's name cannot be looked up now"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection is refused (ECONNREFUSED)"
	case errors.As(err, &record):
		return "it does not speak TLS; perhaps http:// is meant"
	case errors.As(err, &outer):
		return outer.Err.Error()
	}
	return err.Error()
}
