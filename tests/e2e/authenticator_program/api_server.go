package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// apiServer has what the backends EKSConfigMap and CRD read, and knows when they have read it.
type apiServer struct {
	url       string
	configMap json.RawMessage

	mutex    sync.Mutex
	version  int
	mappings []map[string]interface{}
	// stable is by name of an object whose status the controller writes: whether it has seen what it wrote.
	stable  map[string]bool
	watcher chan map[string]interface{}
	// loaded counts the watches of aws-auth that follow one that has ended, and so has been read to its end; working the
	// controllers of the backend CRD that have listed their objects.
	loaded, watched, working int
}

// Levels is that of a logrus.Hook.
func (s *apiServer) Levels() []logrus.Level { return []logrus.Level{logrus.InfoLevel} }

// Fire hears what the controller says.
func (s *apiServer) Fire(entry *logrus.Entry) error {
	if entry.Message == "started workers" {
		s.mutex.Lock()
		s.working++
		s.mutex.Unlock()
	}
	return nil
}

func newAPIServer(given *cluster) *apiServer {
	s := &apiServer{configMap: given.ConfigMap, mappings: given.IdentityMappings}
	for _, mapping := range s.mappings {
		s.stamp(mapping)
	}
	logrus.AddHook(s)
	s.url = httptest.NewServer(s).URL
	return s
}

func nameOf(object map[string]interface{}) string {
	return object["metadata"].(map[string]interface{})["name"].(string)
}

func (s *apiServer) stamp(object map[string]interface{}) {
	s.version++
	metadata := object["metadata"].(map[string]interface{})
	metadata["resourceVersion"] = strconv.Itoa(s.version)
	metadata["uid"] = metadata["name"]
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	watches := r.URL.Query().Get("watch") != "" && r.URL.Query().Get("watch") != "false"
	switch {
	case strings.HasSuffix(r.URL.Path, "/configmaps"):
		s.watchConfigMap(w, r)
	case strings.HasSuffix(r.URL.Path, "/iamidentitymappings") && watches:
		s.watchMappings(w, r)
	case strings.HasSuffix(r.URL.Path, "/iamidentitymappings"):
		s.listMappings(w)
	case r.Method == http.MethodPut:
		s.writeStatus(w, r)
	default: // events
		w.WriteHeader(http.StatusCreated)
		_, _ = io.Copy(w, r.Body)
	}
}

func (s *apiServer) watchConfigMap(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	s.watched++
	isFirst := s.watched%2 == 1
	if !isFirst {
		s.loaded++
	}
	s.mutex.Unlock()
	if isFirst {
		if len(s.configMap) > 0 && string(s.configMap) != "null" {
			_ = json.NewEncoder(w).Encode(map[string]interface{}{"type": "ADDED", "object": s.configMap})
		}
		return
	}
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func (s *apiServer) listMappings(w http.ResponseWriter) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.stable = map[string]bool{}
	for _, mapping := range s.mappings {
		if arn, _ := mapping["spec"].(map[string]interface{})["arn"].(string); isCanonical(arn) {
			s.stable[nameOf(mapping)] = false
		}
	}
	s.watcher = make(chan map[string]interface{}, 10000)
	_ = json.NewEncoder(w).Encode(map[string]interface{}{
		"apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
		"kind":       "IAMIdentityMappingList",
		"metadata":   map[string]string{"resourceVersion": strconv.Itoa(s.version)},
		"items":      s.mappings,
	})
}

func (s *apiServer) watchMappings(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	events := s.watcher
	s.mutex.Unlock()
	w.(http.Flusher).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case object := <-events:
			_ = json.NewEncoder(w).Encode(map[string]interface{}{"type": "MODIFIED", "object": object})
			w.(http.Flusher).Flush()
		}
	}
}

func (s *apiServer) writeStatus(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	written := map[string]interface{}{}
	if err := json.NewDecoder(r.Body).Decode(&written); err != nil {
		fail(err)
	}
	name := nameOf(written)
	for index, mapping := range s.mappings {
		if nameOf(mapping) != name {
			continue
		}
		s.stable[name] = reflect.DeepEqual(mapping["status"], written["status"])
		if !s.stable[name] {
			changed := map[string]interface{}{}
			for key, value := range mapping {
				changed[key] = value
			}
			changed["metadata"] = map[string]interface{}{"name": name}
			changed["status"] = written["status"]
			s.stamp(changed)
			s.mappings[index] = changed
			s.watcher <- changed
		}
		_ = json.NewEncoder(w).Encode(s.mappings[index])
	}
}

// waitForConfigMaps waits until as many mappers, one after the other, have loaded aws-auth.
func (s *apiServer) waitForConfigMaps(mappers int) {
	s.wait(func() bool { return s.loaded >= mappers })
}

// waitForMappings waits until as many controllers, one after the other, have seen the status of all objects that they
// write.
func (s *apiServer) waitForMappings(controllers int) {
	s.wait(func() bool {
		for _, stable := range s.stable {
			if !stable {
				return false
			}
		}
		return s.working >= controllers
	})
}

func (s *apiServer) wait(ready func() bool) {
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s.mutex.Lock()
		done := ready()
		s.mutex.Unlock()
		if done {
			return
		}
	}
	fail(errors.New("the backends have not loaded the objects of the cluster"))
}
