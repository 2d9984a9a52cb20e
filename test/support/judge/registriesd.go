package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/types"
)

func init() {
	handlers["registries-d"] = findStore
}

type registriesDRequest struct {
	Files      map[string][]byte `json:"files"`
	References []string          `json:"references"`
}

type storeResult struct {
	// The base of the store with the repository's path behind it; an error where that is none.
	Read       string `json:"read"`
	ReadError  string `json:"readError"`
	Write      string `json:"write"`
	WriteError string `json:"writeError"`
}

// findStore tells for each reference where its signatures are read and written. What fails for every reference alike
// is a refusal of the configuration.
func findStore(line json.RawMessage) (any, error) {
	var request registriesDRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "judge-registries-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	directory := filepath.Join(folder, "registries.d")
	if err := writeRegistriesD(directory, request.Files); err != nil {
		return nil, errors.New("judge: " + err.Error())
	}
	system := &types.SystemContext{RegistriesDirPath: directory}
	// Nothing but default-docker can concern this one: other errors are those of the files.
	_, err = baseURL(system, "nothing.judge.test/at/all:1", false)
	if err != nil && !strings.HasPrefix(err.Error(), "Invalid signature storage URL") {
		return nil, err
	}
	results := []storeResult{}
	for _, text := range request.References {
		var result storeResult
		if result.Read, err = baseURL(system, text, false); err != nil {
			result.ReadError = err.Error()
		}
		if result.Write, err = baseURL(system, text, true); err != nil {
			result.WriteError = err.Error()
		}
		results = append(results, result)
	}
	return results, nil
}

func baseURL(system *types.SystemContext, text string, write bool) (string, error) {
	reference, err := dockerReference(text)
	if err != nil {
		return "", err
	}
	found, err := docker.SignatureStorageBaseURL(system, reference, write)
	if err != nil {
		return "", err
	}
	// Or `file:/` and a path read as a host and a path.
	found.OmitHost = false
	return found.String(), nil
}
