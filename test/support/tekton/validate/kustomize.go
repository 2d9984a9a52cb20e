package main

import (
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// built is what a folder's kustomization makes.
type built struct {
	Folder  string `json:"folder"`
	YAML    string `json:"yaml,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// buildFolders builds with kustomize's defaults, which are those of `kubectl apply -k`.
func buildFolders(folders []string) any {
	results := []built{}
	for _, folder := range folders {
		result := built{Folder: folder}
		resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
		if err == nil {
			var text []byte
			text, err = resources.AsYaml()
			result.YAML = string(text)
		}
		if err != nil {
			result.Problem = err.Error()
		}
		results = append(results, result)
	}
	return map[string]any{"folders": results}
}
