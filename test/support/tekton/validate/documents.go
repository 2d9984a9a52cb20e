package main

import (
	"bytes"
	"os"
	"strings"
)

// document is one of the documents of a YAML file.
type document struct {
	file string
	// line is where its first line that says something stands, counted from 1.
	line int
	text []byte
}

func readDocuments(file string) ([]document, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var documents []document
	var lines []string
	first := 0
	end := func() {
		if first > 0 {
			documents = append(documents, document{file, first, []byte(strings.Join(lines, "\n"))})
		}
		lines, first = nil, 0
	}
	for index, line := range strings.Split(string(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))), "\n") {
		if line == "---" || strings.HasPrefix(line, "--- ") {
			end()
			continue
		}
		if trimmed := strings.TrimSpace(line); first == 0 && trimmed != "" && !strings.HasPrefix(trimmed, "#") {
			first = index + 1
		}
		lines = append(lines, line)
	}
	end()
	return documents, nil
}
