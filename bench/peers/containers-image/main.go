// Copies an image with every platform from one plain HTTP registry to another, with the library under skopeo.
//
// Usage: containers-image SOURCE TARGET | --version
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/containers/image/v5/copy"
	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/types"
)

const library = "github.com/containers/image/v5"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "--version" {
		fmt.Printf("containers/image %s, %s\n", version(), runtime.Version())
		return nil
	}
	if len(args) != 2 {
		return fmt.Errorf("usage: containers-image SOURCE TARGET | --version")
	}
	return copyImage(args[0], args[1])
}

func copyImage(from, to string) error {
	source, err := docker.ParseReference("//" + from)
	if err != nil {
		return fmt.Errorf("source %s: %w", from, err)
	}
	target, err := docker.ParseReference("//" + to)
	if err != nil {
		return fmt.Errorf("target %s: %w", to, err)
	}
	policy, err := signature.NewPolicyContext(&signature.Policy{
		Default: signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()},
	})
	if err != nil {
		return err
	}
	plain := &types.SystemContext{DockerInsecureSkipTLSVerify: types.OptionalBoolTrue}
	_, err = copy.Image(context.Background(), policy, target, source, &copy.Options{
		SourceCtx:          plain,
		DestinationCtx:     plain,
		ImageListSelection: copy.CopyAllImages,
	})
	return err
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == library {
			return module.Version
		}
	}
	return "of unknown version"
}
