package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/types"
)

func init() {
	handlers["lookaside"] = readSignatures
}

// A scripted answer of the signature server.
type scriptedAnswer struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`
	// So many bytes, for bodies too large to be sent here.
	Size int `json:"size"`
}

// A pullRequest is an image in a registry, with its signatures in a store.
type pullRequest struct {
	Reference string `json:"reference"`
	// What the registry has, by digest; what the reference's tag or digest names is the first.
	Manifests [][]byte `json:"manifests"`
	// Files of registries.d by name. Without any, the store is where Signatures are served.
	RegistriesD map[string][]byte `json:"registriesD"`
	// By manifest digest, in order.
	Signatures map[string][][]byte `json:"signatures"`
	// By "host/path?query" of the request; what is not here is 404.
	Answers map[string]scriptedAnswer `json:"answers"`
}

const storeHost = "signatures.judge.test"

// A scene is one registry and one signature server, and a reader that reaches every host through them.
type scene struct {
	request pullRequest
	server  *httptest.Server
	folder  string
	system  *types.SystemContext
	mutex   sync.Mutex
	asked   []askedURL
}

type askedURL struct {
	URL           string `json:"url"`
	Authorization string `json:"authorization"`
}

func startScene(request pullRequest) (*scene, error) {
	folder, err := os.MkdirTemp("", "judge-scene-")
	if err != nil {
		return nil, err
	}
	stage := &scene{request: request, folder: folder, asked: []askedURL{}}
	if request.RegistriesD == nil {
		request.RegistriesD = map[string][]byte{
			"judge.yaml": []byte("default-docker: {lookaside: \"http://" + storeHost + "\"}\n"),
		}
	}
	if err := writeRegistriesD(filepath.Join(folder, "registries.d"), request.RegistriesD); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	stage.server = httptest.NewServer(http.HandlerFunc(stage.answer))
	proxy, err := url.Parse(stage.server.URL)
	if err != nil {
		return nil, err
	}
	empty := filepath.Join(folder, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return nil, err
	}
	auth := filepath.Join(folder, "auth.json")
	if err := os.WriteFile(auth, []byte("{}"), 0o600); err != nil {
		return nil, err
	}
	stage.system = &types.SystemContext{
		RegistriesDirPath:           filepath.Join(folder, "registries.d"),
		SystemRegistriesConfPath:    empty,
		SystemRegistriesConfDirPath: filepath.Join(folder, "none"),
		AuthFilePath:                auth,
		DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
		// Also for loopback addresses, which ordinary proxy settings leave out.
		DockerProxy: func(*url.URL) (*url.URL, error) { return proxy, nil },
	}
	return stage, nil
}

func writeRegistriesD(folder string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(file, 0o700); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (stage *scene) stop() {
	stage.server.Close()
	os.RemoveAll(stage.folder)
}

func (stage *scene) open() (types.ImageSource, error) {
	reference, err := dockerReference(stage.request.Reference)
	if err != nil {
		return nil, err
	}
	return reference.NewImageSource(context.Background(), stage.system)
}

func (stage *scene) instance(source types.ImageSource, instance string) (*image.UnparsedImage, error) {
	if instance == "" {
		return image.UnparsedInstance(source, nil), nil
	}
	parsed, err := digest.Parse(instance)
	if err != nil {
		return nil, err
	}
	return image.UnparsedInstance(source, &parsed), nil
}

func (stage *scene) answer(writer http.ResponseWriter, request *http.Request) {
	host := request.URL.Host
	path := request.URL.Path
	switch {
	case request.Method == http.MethodConnect:
		// No TLS here: readers fall back to plain http, as they were told they may.
		http.Error(writer, "no TLS", http.StatusBadGateway)
	case path == "/v2/" && host != storeHost:
		writer.WriteHeader(http.StatusOK)
	case strings.HasPrefix(path, "/v2/") && strings.Contains(path, "/manifests/"):
		stage.answerManifest(writer, path[strings.LastIndex(path, "/")+1:])
	default:
		stage.answerSignature(writer, request)
	}
}

func (stage *scene) answerManifest(writer http.ResponseWriter, wanted string) {
	for index, manifest := range stage.request.Manifests {
		isDigest := strings.Contains(wanted, ":")
		if (!isDigest && index == 0) || digest.FromBytes(manifest).String() == wanted {
			writer.Write(manifest)
			return
		}
	}
	http.NotFound(writer, nil)
}

func (stage *scene) answerSignature(writer http.ResponseWriter, request *http.Request) {
	stage.mutex.Lock()
	stage.asked = append(stage.asked, askedURL{request.RequestURI, request.Header.Get("Authorization")})
	stage.mutex.Unlock()
	scripted, known := stage.request.Answers[strings.TrimPrefix(request.RequestURI, "http://")]
	if known {
		for name, value := range scripted.Headers {
			writer.Header().Set(name, value)
		}
		writer.WriteHeader(scripted.Status)
		writer.Write(scripted.Body)
		chunk := make([]byte, 1<<16)
		for left := scripted.Size; left > 0; left -= len(chunk) {
			writer.Write(chunk[:min(left, len(chunk))])
		}
		return
	}
	var number int
	_, after, found := strings.Cut(request.URL.Path, "@")
	name, file, isFile := strings.Cut(after, "/")
	if !found || !isFile || request.URL.Host != storeHost {
		http.Error(writer, "none", http.StatusNotFound)
		return
	}
	if _, err := fmt.Sscanf(file, "signature-%d", &number); err != nil {
		http.Error(writer, "none", http.StatusNotFound)
		return
	}
	blobs := stage.request.Signatures[strings.Replace(name, "=", ":", 1)]
	if number < 1 || number > len(blobs) {
		http.Error(writer, "none", http.StatusNotFound)
		return
	}
	writer.Write(blobs[number-1])
}

type lookasideResult struct {
	Count int        `json:"count"`
	Asked []askedURL `json:"asked"`
}

// readSignatures reads an image's signatures and tells what was asked for.
func readSignatures(line json.RawMessage) (any, error) {
	var request pullRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	stage, err := startScene(request)
	if err != nil {
		return nil, err
	}
	defer stage.stop()
	signatures, err := stage.read()
	if err != nil {
		return nil, err
	}
	stage.mutex.Lock()
	defer stage.mutex.Unlock()
	return lookasideResult{Count: len(signatures), Asked: stage.asked}, nil
}

func (stage *scene) read() ([][]byte, error) {
	source, err := stage.open()
	if err != nil {
		return nil, err
	}
	defer source.Close()
	return image.UnparsedInstance(source, nil).Signatures(context.Background())
}
