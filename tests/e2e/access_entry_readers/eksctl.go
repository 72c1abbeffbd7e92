// Reads a ClusterConfig as eksctl does, and prints the access entries that it has read.
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"

	api "github.com/weaveworks/eksctl/pkg/apis/eksctl.io/v1alpha5"
	"sigs.k8s.io/yaml"
)

func main() {
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	config := &api.ClusterConfig{}
	if err := yaml.UnmarshalStrict(data, config); err != nil {
		log.Fatal(err)
	}
	api.SetClusterConfigDefaults(config)
	if err := api.ValidateClusterConfig(config); err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(config.AccessConfig.AccessEntries); err != nil {
		log.Fatal(err)
	}
}
