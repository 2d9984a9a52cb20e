//go:build tools

// Package oras names the program that is built here, so that `go mod tidy` keeps its module.
package oras

import _ "oras.land/oras/cmd/oras"
