package server

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/sirupsen/logrus"

	"MODULE/pkg/arn"
	"MODULE/pkg/config"
)

func isCanonical(text string) bool {
	_, err := arn.Canonicalize(strings.ToLower(text))
	return text != "" && err == nil
}

func (s *surroundings) getPrivateDNSName(id string) (string, error) { return s.nodeName(id) }

// started does what Run does before it serves.
func started(cfg config.Config, given *surroundings) http.Handler {
	c := New(cfg)
	if _, err := c.GetOrCreateCertificate(); err != nil {
		logrus.WithError(err).Fatalf("could not load/generate a certificate")
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", c.Address, c.HostPort))
	if err != nil {
		logrus.WithError(err).Fatal("could not open TLS listener")
	}
	_ = listener.Close()
	daemon := c.getHandler()
	daemon.ec2Provider = given
	return daemon
}
