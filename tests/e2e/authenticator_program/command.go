// The authenticator as it is, but that `server` answers the callers on its standard input and listens to nobody.
package main

import (
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"MODULE/pkg/server"
)

func init() {
	serverCmd.Run = func(_ *cobra.Command, _ []string) {
		cfg, err := getConfig()
		if err != nil {
			logrus.Fatalf("%s", err)
		}
		server.AnswerCallers(cfg, os.Stdin, os.Stdout)
	}
}
