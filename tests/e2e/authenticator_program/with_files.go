package server

import (
	CONTEXT_PACKAGE
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"MODULE/pkg/arn"
	"MODULE/pkg/config"
	"MODULE/pkg/fileutil"
	"MODULE/pkg/metrics"
)

func isCanonical(text string) bool {
	_, _, err := arn.Canonicalize(strings.ToLower(text))
	return text != "" && err == nil
}

func (s *surroundings) GetPrivateDNSName(CONTEXT_ARGUMENT id string) (string, error) { return s.nodeName(id) }

func (s *surroundings) StartEc2DescribeBatchProcessing(CONTEXT_ONLY) {}

// started loads the files that the daemon watches once, by its own functions, and has it watch others that do not
// exist: so it is known when they are loaded.
func started(cfg config.Config, given *surroundings) http.Handler {
	metrics.InitMetrics(prometheus.DefaultRegisterer)
	cfg.Master, cfg.Kubeconfig = given.master(), ""
	mappings, modes := cfg.DynamicFilePath, cfg.DynamicBackendModePath
	cfg.DynamicFilePath, cfg.DynamicBackendModePath = "/nonexistent/file", ""
	daemon := NEW.httpServer.Handler.(*handler)
	given.load(daemon.backendMapper, mappings)
	if strings.TrimSpace(modes) != "" {
		before := daemon.backendMapper.mapperStopCh
		given.loadFile(daemon, modes)
		if daemon.backendMapper.mapperStopCh != before {
			given.load(daemon.backendMapper, mappings)
		}
	}
	daemon.ec2Provider = given
	return daemon
}

// load waits for what the backends load by themselves. `time` counts its calls.
func (s *surroundings) load(backends BackendMapper, file string) {
	for _, backend := range backends.mappers {
		switch backend.Name() {
		case "EKSConfigMap":
			s.configMaps++
			s.apiServer.waitForConfigMaps(s.configMaps)
		case "CRD":
			s.controllers++
			s.apiServer.waitForMappings(s.controllers)
		case "DynamicFile":
			s.loadFile(backend.(fileutil.FileChangeCallBack), file)
		}
	}
}

func (s *surroundings) loadFile(backend fileutil.FileChangeCallBack, named string) {
	if text, ok := s.file(named); ok {
		if err := backend.CallBackForFileLoad([]byte(text)); err != nil {
			logrus.Error(err)
		}
	}
}
