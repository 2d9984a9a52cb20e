package main

import (
	"encoding/json"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/types"
)

func init() {
	handlers["reference"] = parseReference
	handlers["scopes"] = listScopes
}

type referenceRequest struct {
	Text []byte `json:"text"`
}

type referenceResult struct {
	Text   string `json:"text"`
	Domain string `json:"domain"`
	Path   string `json:"path"`
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
}

func parseReference(line json.RawMessage) (any, error) {
	var request referenceRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	named, err := reference.ParseNormalizedNamed(string(request.Text))
	if err != nil {
		return nil, err
	}
	result := referenceResult{Text: named.String(), Domain: reference.Domain(named), Path: reference.Path(named)}
	if tagged, ok := named.(reference.Tagged); ok {
		result.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		result.Digest = digested.Digest().String()
	}
	return result, nil
}

type scopesResult struct {
	Reference string   `json:"reference"`
	Scopes    []string `json:"scopes"`
}

// listScopes tells under which scopes a policy or a store configuration is looked up, the most specific first.
func listScopes(line json.RawMessage) (any, error) {
	var request referenceRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	parsed, err := dockerReference(string(request.Text))
	if err != nil {
		return nil, err
	}
	scopes := append([]string{parsed.PolicyConfigurationIdentity()}, parsed.PolicyConfigurationNamespaces()...)
	return scopesResult{Reference: parsed.DockerReference().String(), Scopes: scopes}, nil
}

// dockerReference is a reference as the registry transport takes it: with a default tag, never with tag and digest.
func dockerReference(text string) (types.ImageReference, error) {
	return docker.ParseReference("//" + text)
}
