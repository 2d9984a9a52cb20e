package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/signature"
)

func init() {
	handlers["payload-parse"] = parsePayload
	handlers["payload-verify"] = verifyPayload
	handlers["verify-blob"] = verifyBlob
	handlers["judge-blob"] = judgeBlob
	handlers["classify-blob"] = classifyBlob
	handlers["key-file"] = importKeyFile
}

// Bytes arrive in base64, as encoding/json writes them.

type payloadRequest struct {
	Payload []byte `json:"payload"`
	// For payload-verify: what the payload must agree with.
	Manifest  []byte `json:"manifest"`
	Reference string `json:"reference"`
}

type payloadResult struct {
	Digest    string  `json:"digest"`
	Reference string  `json:"reference"`
	Creator   *string `json:"creator"`
	// A decimal number; not a JSON number, which many readers would round.
	Timestamp *string `json:"timestamp"`
}

// parsePayload parses untrusted content. The library shows its parser for whole messages only, and does not verify
// there, so a one-pass signature packet and a literal are put around the content.
func parsePayload(line json.RawMessage) (any, error) {
	var request payloadRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	onePass := []byte{3, 0, 8, 1, 1, 2, 3, 4, 5, 6, 7, 8, 1}
	literal := append([]byte{'b', 0, 0, 0, 0, 0}, request.Payload...)
	message := append(packet(4, onePass), packet(11, literal)...)
	claim, err := signature.GetUntrustedSignatureInformationWithoutVerifying(message)
	if err != nil {
		return nil, err
	}
	result := payloadResult{
		Digest:    claim.UntrustedDockerManifestDigest.String(),
		Reference: claim.UntrustedDockerReference,
		Creator:   claim.UntrustedCreatorID,
	}
	if claim.UntrustedTimestamp != nil {
		timestamp := fmt.Sprint(claim.UntrustedTimestamp.Unix())
		result.Timestamp = &timestamp
	}
	return result, nil
}

func packet(tag byte, body []byte) []byte {
	length := len(body)
	header := []byte{0xc0 | tag, 255, byte(length >> 24), byte(length >> 16), byte(length >> 8), byte(length)}
	return append(header, body...)
}

// verifiedContent stands in for OpenPGP where only what comes behind it is asked for.
type verifiedContent struct{ content []byte }

const anyKey = "0000000000000000000000000000000000000000"

func (verifiedContent) Close() error           { return nil }
func (verifiedContent) SupportsSigning() error { return errors.New("it does not sign") }
func (verifiedContent) Sign([]byte, string) ([]byte, error) {
	return nil, errors.New("it does not sign")
}
func (mechanism verifiedContent) Verify([]byte) ([]byte, string, error) {
	return mechanism.content, anyKey, nil
}
func (mechanism verifiedContent) UntrustedSignatureContents([]byte) ([]byte, string, error) {
	return mechanism.content, anyKey, nil
}

// verifyPayload judges content whose signature is taken to be good.
func verifyPayload(line json.RawMessage) (any, error) {
	var request payloadRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	mechanism := verifiedContent{content: request.Payload}
	found, err := signature.VerifyDockerManifestSignature(nil, request.Manifest, request.Reference, mechanism, anyKey)
	if err != nil {
		return nil, err
	}
	return payloadResult{Digest: found.DockerManifestDigest.String(), Reference: found.DockerReference}, nil
}

type blobRequest struct {
	Blob      []byte   `json:"blob"`
	KeyFiles  [][]byte `json:"keyFiles"`
	Manifest  []byte   `json:"manifest"`
	Reference string   `json:"reference"`
}

type blobResult struct {
	Fingerprint string `json:"fingerprint"`
	Digest      string `json:"digest"`
	Reference   string `json:"reference"`
}

// verifyBlob verifies one stored signature against the keys of the files, without a policy.
func verifyBlob(line json.RawMessage) (any, error) {
	var request blobRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	message, err := storedMessage(request)
	if err != nil {
		return nil, err
	}
	ring, giveBack, err := borrowRing(request.KeyFiles)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	if len(ring.fingerprints) == 0 {
		return nil, errors.New("no public keys imported")
	}
	// The library's mechanism is one engine; two questions at once would mix their answers.
	ring.using.Lock()
	defer ring.using.Unlock()
	found, fingerprint, err := signature.VerifyImageManifestSignatureUsingKeyIdentityList(
		message, request.Manifest, request.Reference, ring.mechanism, ring.fingerprints)
	if err != nil {
		return nil, err
	}
	return blobResult{Fingerprint: fingerprint, Digest: found.DockerManifestDigest.String(), Reference: found.DockerReference}, nil
}

// judgeBlob puts the signature beside a manifest into an image folder and asks a policy that demands it: the way of a
// stored signature from its first byte on.
func judgeBlob(line json.RawMessage) (any, error) {
	var request blobRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "judge-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	unparsed, closeImage, err := imageInFolder(folder, request)
	if err != nil {
		return nil, err
	}
	defer closeImage()
	identity, err := signature.NewPRMExactReference(request.Reference)
	if err != nil {
		return nil, err
	}
	paths := []string{}
	for index, content := range request.KeyFiles {
		file := filepath.Join(folder, fmt.Sprint("key-", index))
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return nil, err
		}
		paths = append(paths, file)
	}
	requirement, err := signature.NewPRSignedByKeyPaths(signature.SBKeyTypeGPGKeys, paths, identity)
	if err != nil {
		return nil, err
	}
	return nil, allowed(&signature.Policy{Default: signature.PolicyRequirements{requirement}}, unparsed)
}

func allowed(policy *signature.Policy, unparsed *image.UnparsedImage) error {
	policyContext, err := signature.NewPolicyContext(policy)
	if err != nil {
		return err
	}
	defer policyContext.Destroy()
	isAllowed, err := policyContext.IsRunningImageAllowed(context.Background(), unparsed)
	if err == nil && !isAllowed {
		err = errors.New("not allowed")
	}
	return err
}

func imageInFolder(folder string, request blobRequest) (*image.UnparsedImage, func(), error) {
	manifest := request.Manifest
	if manifest == nil {
		manifest = []byte("{}")
	}
	files := map[string][]byte{
		"version":       []byte("Directory Transport Version: 1.1\n"),
		"manifest.json": manifest,
		"signature-1":   request.Blob,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return nil, nil, err
		}
	}
	reference, err := directory.NewReference(folder)
	if err != nil {
		return nil, nil, err
	}
	source, err := reference.NewImageSource(context.Background(), nil)
	if err != nil {
		return nil, nil, err
	}
	return image.UnparsedInstance(source, nil), func() { source.Close() }, nil
}

type kindResult struct {
	Kind string `json:"kind"`
	// What is verified of a simple-signing blob.
	Message []byte `json:"message,omitempty"`
}

// classifyBlob tells what a stored signature is to a reader.
func classifyBlob(line json.RawMessage) (any, error) {
	var request blobRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	message, err := storedMessage(request)
	if err == errNoSimpleSignature {
		return kindResult{Kind: "sigstore"}, nil
	}
	if err != nil {
		return nil, err
	}
	return kindResult{Kind: "simple-signing", Message: message}, nil
}

var errNoSimpleSignature = errors.New("a signature was required, but no signature exists")

// storedMessage reads a stored signature as readers of folders and stores do.
func storedMessage(request blobRequest) ([]byte, error) {
	folder, err := os.MkdirTemp("", "judge-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	unparsed, closeImage, err := imageInFolder(folder, request)
	if err != nil {
		return nil, err
	}
	defer closeImage()
	messages, err := unparsed.Signatures(context.Background())
	if err != nil {
		return nil, err
	}
	if len(messages) == 0 {
		return nil, errNoSimpleSignature
	}
	return messages[0], nil
}

// importKeyFile tells the fingerprints that a key file yields.
func importKeyFile(line json.RawMessage) (any, error) {
	var request blobRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	mechanism, fingerprints, err := signature.NewEphemeralGPGSigningMechanism(bytes.Join(request.KeyFiles, nil))
	if err != nil {
		return nil, err
	}
	defer mechanism.Close()
	if len(fingerprints) == 0 {
		return nil, errors.New("no public keys imported")
	}
	return fingerprints, nil
}

// A keyRing is kept between cases: importing takes longer than verifying, and the keys of a case are those of many.
type keyRing struct {
	mechanism    signature.SigningMechanism
	fingerprints []string
	using        sync.Mutex
	users        int
}

var (
	rings      = map[[32]byte]*keyRing{}
	ringsMutex sync.Mutex
)

const maxRings = 128

// borrowRing returns the ring of these files, and how to give it back.
func borrowRing(keyFiles [][]byte) (*keyRing, func(), error) {
	key := sha256.Sum256(bytes.Join(keyFiles, []byte("\x00--\x00")))
	ringsMutex.Lock()
	defer ringsMutex.Unlock()
	ring, known := rings[key]
	if !known {
		if len(rings) >= maxRings {
			dropUnusedRing()
		}
		mechanism, fingerprints, err := signature.NewEphemeralGPGSigningMechanism(bytes.Join(keyFiles, nil))
		if err != nil {
			return nil, nil, err
		}
		ring = &keyRing{mechanism: mechanism, fingerprints: fingerprints}
		rings[key] = ring
	}
	ring.users++
	return ring, func() {
		ringsMutex.Lock()
		defer ringsMutex.Unlock()
		ring.users--
	}, nil
}

func dropUnusedRing() {
	for key, ring := range rings {
		if ring.users == 0 {
			ring.mechanism.Close()
			delete(rings, key)
			return
		}
	}
}

func closeMechanisms() {
	ringsMutex.Lock()
	defer ringsMutex.Unlock()
	for _, ring := range rings {
		ring.mechanism.Close()
	}
}
