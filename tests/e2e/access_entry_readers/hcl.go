// Reads HCL with HashiCorp's own library, and prints the usernames of the resources in it.
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func main() {
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	file, problems := hclsyntax.ParseConfig(data, "stdin", hcl.InitialPos)
	if problems.HasErrors() {
		log.Fatal(problems)
	}
	var usernames []string
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if attribute, ok := block.Body.Attributes["user_name"]; ok {
			value, problems := attribute.Expr.Value(nil)
			if problems.HasErrors() {
				log.Fatal(problems)
			}
			usernames = append(usernames, value.AsString())
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(usernames); err != nil {
		log.Fatal(err)
	}
}
