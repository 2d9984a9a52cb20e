package main

import (
	"context"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/types"
)

// memoryImage is an image as a policy sees it: the reference that somebody asked for, a manifest and signatures.
type memoryImage struct {
	reference  types.ImageReference
	manifest   []byte
	signatures [][]byte
}

// newMemoryImage takes a docker reference as the transport does ("//host/name:tag" without the slashes).
func newMemoryImage(reference string, manifest []byte, signatures [][]byte) (*memoryImage, error) {
	parsed, err := docker.ParseReference("//" + reference)
	if err != nil {
		return nil, err
	}
	return &memoryImage{reference: parsed, manifest: manifest, signatures: signatures}, nil
}

func (image *memoryImage) Reference() types.ImageReference { return image.reference }

func (image *memoryImage) Manifest(context.Context) ([]byte, string, error) {
	return image.manifest, "", nil
}

func (image *memoryImage) Signatures(context.Context) ([][]byte, error) {
	return image.signatures, nil
}
