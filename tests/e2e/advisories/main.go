// What a release of the authenticator does with tokens, and with a dynamic file: stdin and stdout are JSON. It is built
// with the release's own packages, and calls no network: STS answers with one identity.
package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"
)

const identity = `{"GetCallerIdentityResponse": {"GetCallerIdentityResult": {
	"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/eve", "UserId": "AIDAEVE"}}}`

// A token is verified this often: the order in which a release reads the parameters is random.
const tries = 64

type sts struct{}

func (sts) RoundTrip(request *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: 200, Header: http.Header{}, Request: request}
	if strings.Contains(request.URL.RawQuery, "redirected") {
		answer.StatusCode = 302
		answer.Header.Set("Location", "https://elsewhere.example.com/")
	}
	answer.Body = io.NopCloser(strings.NewReader(identity))
	return answer, nil
}

func outcomes(url string) []string {
	seen := map[string]bool{}
	for range [tries]int{} {
		identity, err := verifier().Verify("k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(url)))
		if err != nil {
			seen[err.Error()] = true
			continue
		}
		var fields struct{ AccessKeyID string }
		text, _ := json.Marshal(identity)
		json.Unmarshal(text, &fields)
		seen[strings.TrimSpace("accepted "+fields.AccessKeyID)] = true
	}
	sorted := []string{}
	for outcome := range seen {
		sorted = append(sorted, outcome)
	}
	sort.Strings(sorted)
	return sorted
}

func main() {
	var given struct{ Tokens, DynamicFiles []string }
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	answers := map[string][]interface{}{"tokens": {}, "dynamicFiles": {}}
	http.DefaultTransport = sts{}
	for _, url := range given.Tokens {
		answers["tokens"] = append(answers["tokens"], outcomes(url))
	}
	for _, text := range given.DynamicFiles {
		answers["dynamicFiles"] = append(answers["dynamicFiles"], mapped(text))
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
