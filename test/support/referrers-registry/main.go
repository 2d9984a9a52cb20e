// A registry that has the referrers API of OCI 1.1, in memory, for tests. Usage: referrers-registry ADDRESS
//
// It is lax: manifests may miss their blobs, and blobs are seen from every repository.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("expected one argument: the address to listen on")
	}
	handler := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(os.Stderr, "", 0)))
	log.Fatal(http.ListenAndServe(os.Args[1], handler))
}
