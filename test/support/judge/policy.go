package main

import (
	"context"
	"encoding/json"

	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/signature"
	// Every transport checks the scopes of its own in a policy.
	_ "go.podman.io/image/v5/transports/alltransports"
)

func init() {
	handlers["policy"] = parsePolicy
	handlers["evaluate"] = evaluatePolicy
}

type policyRequest struct {
	Policy []byte `json:"policy"`
}

func parsePolicy(line json.RawMessage) (any, error) {
	var request policyRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	_, err := signature.NewPolicyFromBytes(request.Policy)
	return nil, err
}

type evaluationRequest struct {
	policyRequest
	pullRequest
	// The platform's manifest where the image is a list.
	Instance string `json:"instance"`
}

type evaluationResult struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
	// The signatures with an accepted author.
	Accepted []acceptedSignature `json:"accepted"`
}

type acceptedSignature struct {
	Digest    string `json:"digest"`
	Reference string `json:"reference"`
}

// evaluatePolicy does what a pull does before it copies anything: it reads manifest and signatures with the registry
// transport, from a registry and a store in this process, and asks the policy.
func evaluatePolicy(line json.RawMessage) (any, error) {
	var request evaluationRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	policy, err := signature.NewPolicyFromBytes(request.Policy)
	if err != nil {
		return nil, err
	}
	scene, err := startScene(request.pullRequest)
	if err != nil {
		return nil, err
	}
	defer scene.stop()
	source, err := scene.open()
	if err != nil {
		return nil, err
	}
	defer source.Close()
	unparsed, err := scene.instance(source, request.Instance)
	if err != nil {
		return nil, err
	}
	// A pull reads the signatures whatever the policy says.
	if _, err := unparsed.Signatures(context.Background()); err != nil {
		return nil, err
	}
	return judgeUnparsed(policy, unparsed)
}

func judgeUnparsed(policy *signature.Policy, unparsed *image.UnparsedImage) (any, error) {
	policyContext, err := signature.NewPolicyContext(policy)
	if err != nil {
		return nil, err
	}
	defer policyContext.Destroy()
	result := evaluationResult{Accepted: []acceptedSignature{}}
	isAllowed, err := policyContext.IsRunningImageAllowed(context.Background(), unparsed)
	result.Allowed = isAllowed && err == nil
	if err != nil {
		result.Reason = err.Error()
	}
	accepted, err := policyContext.GetSignaturesWithAcceptedAuthor(context.Background(), unparsed)
	if err != nil {
		return nil, err
	}
	for _, one := range accepted {
		result.Accepted = append(result.Accepted, acceptedSignature{one.DockerManifestDigest.String(), one.DockerReference})
	}
	return result, nil
}
