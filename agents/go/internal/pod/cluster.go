package pod

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The Kubernetes API, for one question: how is my own pod?
type cluster struct {
	address, folder string
	namespace, pod  string
	// The port of the probes.
	port   int
	client *http.Client
}

const (
	// An answer that takes longer is asked for again.
	clusterTimeout = 5 * time.Second
	// A pod of 10,000 lines has less. etcd takes 1.5 MiB.
	mostPodBytes = 4 << 20
)

func newCluster(address, folder, namespace, pod string, port int) (*cluster, error) {
	certificate, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("the certificate of the cluster cannot be read: %w; mount the token of a service account", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificate) {
		return nil, fmt.Errorf("%s has no certificate", filepath.Join(folder, "ca.crt"))
	}
	if namespace == "" {
		text, _ := os.ReadFile(filepath.Join(folder, "namespace"))
		namespace = strings.TrimSpace(string(text))
	}
	transport := &http.Transport{ // never by a proxy: the API is in the cluster
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		DisableKeepAlives:      true, // it is asked a few times in the life of a pod
		MaxResponseHeaderBytes: 32 * 1024,
	}
	return &cluster{
		address: address, folder: folder, namespace: namespace, pod: pod, port: port,
		client: &http.Client{Transport: transport, Timeout: clusterTimeout},
	}, nil
}

// An answer that another try does not change: a right is missing, or the name is wrong.
type finalError struct{ error }

func finalf(format string, parts ...any) error { return finalError{fmt.Errorf(format, parts...)} }

func isFinal(err error) bool { return errors.As(err, &finalError{}) }

// Reads the pod as it is now.
func (c *cluster) read(ctx context.Context) (view, error) {
	var v view
	// The kubelet replaces the token before it expires.
	token, err := os.ReadFile(filepath.Join(c.folder, "token"))
	if err != nil {
		return v, fmt.Errorf("the token of the service account cannot be read: %w", err)
	}
	address := fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s", c.address, url.PathEscape(c.namespace), url.PathEscape(c.pod))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return v, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Accept", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return v, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusForbidden, http.StatusUnauthorized:
		return v, finalf("status %d: the service account may not get the pod %s in %s", response.StatusCode, c.pod, c.namespace)
	case http.StatusNotFound:
		return v, finalf("there is no pod %s in %s: set POD_NAME to metadata.name, and POD_NAMESPACE", c.pod, c.namespace)
	default:
		return v, fmt.Errorf("status %d", response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, mostPodBytes)).Decode(&v); err != nil {
		return v, fmt.Errorf("an answer that is no pod: %w", err)
	}
	return v, nil
}
