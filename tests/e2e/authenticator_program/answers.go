package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"MODULE/pkg/config"
)

// surroundings is what the process finds around it, and does not read from its configuration.
type surroundings struct {
	// Files are the texts of files by the last part of their path.
	Files map[string]string `json:"files"`
	// Cluster has the objects that backends read; null where the daemon can reach no API server.
	Cluster *cluster `json:"cluster"`
	// NodeNames is what EC2 answers, by instance ID.
	NodeNames map[string]string `json:"node_names"`

	apiServer *apiServer
	// configMaps counts the mappers that read aws-auth, controllers those of the backend CRD.
	configMaps, controllers int
}

type cluster struct {
	// ConfigMap is aws-auth; null where there is none.
	ConfigMap json.RawMessage `json:"config_map"`
	// IdentityMappings are the objects of the backend CRD.
	IdentityMappings []map[string]interface{} `json:"identity_mappings"`
}

// master is what the daemon is told of the API server.
func (s *surroundings) master() string {
	if s.apiServer == nil {
		return ""
	}
	return s.apiServer.url
}

func (s *surroundings) nodeName(id string) (string, error) {
	if name, ok := s.NodeNames[id]; ok {
		return name, nil
	}
	return "", errors.New("EC2 does not know the instance")
}

func (s *surroundings) file(named string) (string, bool) {
	text, ok := s.Files[path.Base(named)]
	return text, ok
}

// apiTransport leads to the API server on loopback, which is not asked by https.
var apiTransport = http.DefaultTransport

type caller struct {
	ARN         string `json:"arn"`
	Account     string `json:"account"`
	UserID      string `json:"user_id"`
	AccessKeyID string `json:"access_key_id"`
	Host        string `json:"host"`
}

// RoundTrip answers as STS does.
func (c *caller) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "http" {
		return apiTransport.RoundTrip(request)
	}
	if request.URL.Query().Get("Action") != "GetCallerIdentity" {
		return nil, fmt.Errorf("%s cannot be reached", request.URL.Host)
	}
	result := map[string]string{"Account": c.Account, "Arn": c.ARN, "UserId": c.UserID}
	body, err := json.Marshal(map[string]interface{}{
		"GetCallerIdentityResponse": map[string]interface{}{"GetCallerIdentityResult": result},
	})
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), Request: request,
	}, nil
}

// token is one that the daemon takes; only STS would look at its signature.
func (c *caller) token() string {
	now := time.Now().UTC()
	query := url.Values{
		"Action":              {"GetCallerIdentity"},
		"Version":             {"2011-06-15"},
		"X-Amz-Algorithm":     {"AWS4-HMAC-SHA256"},
		"X-Amz-Credential":    {c.AccessKeyID + "/" + now.Format("20060102") + "/us-east-1/sts/aws4_request"},
		"X-Amz-Date":          {now.Format("20060102T150405Z")},
		"X-Amz-Expires":       {"60"},
		"X-Amz-SignedHeaders": {"host;x-k8s-aws-id"},
		"X-Amz-Signature":     {strings.Repeat("0", 64)},
	}
	presigned := fmt.Sprintf("https://%s/?%s", c.Host, query.Encode())
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(presigned))
}

func (c *caller) review(daemon http.Handler) (said map[string]interface{}) {
	defer func() {
		if panicked := recover(); panicked != nil {
			said = map[string]interface{}{"status": http.StatusInternalServerError, "panic": fmt.Sprint(panicked)}
		}
	}()
	body, err := json.Marshal(map[string]interface{}{"spec": map[string]string{"token": c.token()}})
	if err != nil {
		panic(err)
	}
	recorder := httptest.NewRecorder()
	daemon.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/authenticate", bytes.NewReader(body)))
	return map[string]interface{}{"status": recorder.Code, "body": recorder.Body.String()}
}

// AnswerCallers reads the surroundings, then callers, one JSON value each; it writes one JSON value when the daemon is
// ready, and one for each caller. Where the daemon does not start, the process ends as the daemon's would.
func AnswerCallers(cfg config.Config, in io.Reader, out io.Writer) {
	lines, answers := json.NewDecoder(in), json.NewEncoder(out)
	given := &surroundings{}
	if err := lines.Decode(given); err != nil {
		fail(err)
	}
	if given.Cluster != nil {
		given.apiServer = newAPIServer(given.Cluster)
	}
	if cfg.HostPort > 0 && cfg.HostPort < 65536 {
		cfg.HostPort = 0 // any that is free
	}
	asked := &caller{}
	http.DefaultTransport = asked
	daemon := started(cfg, given)
	if err := answers.Encode(map[string]bool{"started": true}); err != nil {
		fail(err)
	}
	for {
		*asked = caller{}
		if err := lines.Decode(asked); err == io.EOF {
			return
		} else if err != nil {
			fail(err)
		}
		if err := answers.Encode(asked.review(daemon)); err != nil {
			fail(err)
		}
	}
}

// fail ends the process in a way that the daemon does not.
func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(70)
}
