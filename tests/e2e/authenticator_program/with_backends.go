package server

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"MODULE/pkg/arn"
	"MODULE/pkg/config"
	"MODULE/pkg/metrics"
)

func isCanonical(text string) bool {
	_, err := arn.Canonicalize(strings.ToLower(text))
	return text != "" && err == nil
}

func (s *surroundings) GetPrivateDNSName(id string) (string, error) { return s.nodeName(id) }

func (s *surroundings) StartEc2DescribeBatchProcessing() {}

func started(cfg config.Config, given *surroundings) http.Handler {
	metrics.InitMetrics(prometheus.DefaultRegisterer)
	cfg.Master, cfg.Kubeconfig = given.master(), ""
	daemon := New(cfg, make(chan struct{})).httpServer.Handler.(*handler)
	for _, mapper := range daemon.mappers {
		switch mapper.Name() {
		case "EKSConfigMap":
			given.apiServer.waitForConfigMaps(1)
		case "CRD":
			given.apiServer.waitForMappings(1)
		}
	}
	daemon.ec2Provider = given
	return daemon
}
