// Runs a command and tells what the kernel says it used, with every descendant it waited for: exact, where looking
// into /proc every few milliseconds misses the end. A program of its own because the kernel counts the memory of
// whoever starts a command among the command's: this one is small.
//
// Usage: measure FILE COMMAND [ARGUMENT...]   FILE gets the figures as JSON
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

type figures struct {
	WallSeconds float64 `json:"wallSeconds"`
	CPUSeconds  float64 `json:"cpuSeconds"`
	// Of the largest process; the commands that are measured have one.
	PeakMiB float64 `json:"peakMiB"`
	Code    int     `json:"code"`
}

func main() {
	if len(os.Args) < 3 {
		fail(errors.New("usage: measure FILE COMMAND [ARGUMENT...]"))
	}
	// The command dies with the thread that started it.
	runtime.LockOSThread()
	command := exec.Command(os.Args[2], os.Args[3:]...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	start := time.Now()
	err := command.Run()
	wall := time.Since(start)
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		fail(err)
	}
	state := command.ProcessState
	usage := state.SysUsage().(*syscall.Rusage)
	text, _ := json.Marshal(figures{
		WallSeconds: wall.Seconds(),
		CPUSeconds:  (state.UserTime() + state.SystemTime()).Seconds(),
		PeakMiB:     float64(usage.Maxrss) / 1024,
		Code:        state.ExitCode(),
	})
	if err := os.WriteFile(os.Args[1], text, 0o600); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
