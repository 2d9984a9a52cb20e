// The judge answers what the reference implementation says: one JSON object per line on standard input, one per line on
// standard output, in any order, matched by id. It is built with GnuPG, as distributions build their readers.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/sirupsen/logrus"
)

// A handler answers one kind of case; an error is a refusal, with its text as the reason.
type handler func(request json.RawMessage) (any, error)

// The files of this folder add theirs in their init functions.
var handlers = map[string]handler{}

type envelope struct {
	ID   json.RawMessage `json:"id"`
	Kind string          `json:"kind"`
}

type answer struct {
	ID     json.RawMessage `json:"id"`
	OK     bool            `json:"ok"`
	Result any             `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func main() {
	logrus.SetOutput(io.Discard)
	code := run(os.Stdin, os.Stdout)
	closeMechanisms()
	os.Exit(code)
}

func run(input io.Reader, output io.Writer) int {
	var (
		lines   = bufio.NewReaderSize(input, 1<<20)
		encoder = json.NewEncoder(output)
		writing sync.Mutex
		working sync.WaitGroup
		slots   = make(chan struct{}, runtime.NumCPU())
	)
	encoder.SetEscapeHTML(false)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			slots <- struct{}{}
			working.Add(1)
			go func() {
				defer func() { <-slots; working.Done() }()
				result := judge(line)
				writing.Lock()
				defer writing.Unlock()
				if err := encoder.Encode(result); err != nil {
					fmt.Fprintln(os.Stderr, "judge: cannot answer:", err)
				}
			}()
		}
		if err == io.EOF {
			working.Wait()
			return 0
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "judge: cannot read:", err)
			return 1
		}
	}
}

func judge(line []byte) (result answer) {
	var request envelope
	if err := json.Unmarshal(line, &request); err != nil {
		return answer{ID: json.RawMessage("null"), Error: "judge: not a request: " + err.Error()}
	}
	// A panic of the library is a refusal: no reader goes on after one.
	defer func() {
		if reason := recover(); reason != nil {
			result = answer{ID: request.ID, Error: fmt.Sprint("panic: ", reason)}
		}
	}()
	handle, known := handlers[request.Kind]
	if !known {
		return answer{ID: request.ID, Error: fmt.Sprintf("judge: unknown kind %q", request.Kind)}
	}
	content, err := handle(line)
	if err != nil {
		return answer{ID: request.ID, Error: err.Error()}
	}
	return answer{ID: request.ID, OK: true, Result: content}
}
