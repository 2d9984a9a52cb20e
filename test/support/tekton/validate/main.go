// Command tekton-validate says offline what Tekton's admission webhooks, kustomize and the interceptors of Triggers would
// say in a cluster: it is made of their own packages.
//
//	tekton-validate check FILE…        Tekton's defaulting and validation of every document, strictly decoded
//	tekton-validate kustomize FOLDER…  what `kubectl apply -k FOLDER` would apply
//	tekton-validate deliver            what an EventListener makes of deliveries; the request is read from standard input
//
// Each prints one JSON document. The exit code is 0 as long as the question could be answered: a refusal is an answer.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

const usage = "usage: tekton-validate check FILE… | kustomize FOLDER… | deliver < REQUEST"

func main() {
	answer, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tekton-validate:", err)
		os.Exit(2)
	}
}

func run(words []string) (any, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf(usage)
	}
	switch verb, names := words[0], words[1:]; {
	case verb == "check" && len(names) > 0:
		return checkFiles(names)
	case verb == "kustomize" && len(names) > 0:
		return buildFolders(names), nil
	case verb == "deliver" && len(names) == 0:
		return deliver(os.Stdin)
	}
	return nil, fmt.Errorf(usage)
}
