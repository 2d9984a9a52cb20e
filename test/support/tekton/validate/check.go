package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	pipelines "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	stepactions "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"github.com/tektoncd/triggers/pkg/apis/triggers/contexts"
	interceptors "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	triggers "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// verdict is what is said of one document.
type verdict struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Kind     string   `json:"kind,omitempty"`
	Name     string   `json:"name,omitempty"`
	Problems []string `json:"problems,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	// Skipped tells that nobody here knows the kind well enough to judge it.
	Skipped bool `json:"skipped,omitempty"`
}

type object interface {
	apis.Defaultable
	apis.Validatable
}

// judged are the kinds that Tekton's webhooks judge; the version is the one that we write.
var judged = map[string]func() object{
	"tekton.dev/v1/Task":                              func() object { return &pipelines.Task{} },
	"tekton.dev/v1/Pipeline":                          func() object { return &pipelines.Pipeline{} },
	"tekton.dev/v1/TaskRun":                           func() object { return &pipelines.TaskRun{} },
	"tekton.dev/v1/PipelineRun":                       func() object { return &pipelines.PipelineRun{} },
	"tekton.dev/v1beta1/StepAction":                   func() object { return &stepactions.StepAction{} },
	"triggers.tekton.dev/v1beta1/Trigger":             func() object { return &triggers.Trigger{} },
	"triggers.tekton.dev/v1beta1/TriggerBinding":      func() object { return &triggers.TriggerBinding{} },
	"triggers.tekton.dev/v1beta1/TriggerTemplate":     func() object { return &triggers.TriggerTemplate{} },
	"triggers.tekton.dev/v1beta1/EventListener":       func() object { return &triggers.EventListener{} },
	"triggers.tekton.dev/v1alpha1/ClusterInterceptor": func() object { return &interceptors.ClusterInterceptor{} },
}

// unjudged are kinds whose types are not at hand: OpenShift's, and kustomize's own files.
var unjudged = map[string]bool{
	"route.openshift.io/v1/Route":                   true,
	"build.openshift.io/v1/BuildConfig":             true,
	"image.openshift.io/v1/ImageStream":             true,
	"kustomize.config.k8s.io/v1beta1/Kustomization": true,
	"kustomize.config.k8s.io/v1alpha1/Component":    true,
}

func checkFiles(files []string) (any, error) {
	verdicts := []verdict{}
	for _, file := range files {
		documents, err := readDocuments(file)
		if err != nil {
			return nil, err
		}
		if len(documents) == 0 {
			verdicts = append(verdicts, verdict{File: file, Line: 1, Problems: []string{"holds no document"}})
		}
		for _, one := range documents {
			verdicts = append(verdicts, judge(one))
		}
	}
	return map[string]any{"documents": verdicts}, nil
}

func judge(one document) verdict {
	said := verdict{File: one.file, Line: one.line}
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name         string `json:"name"`
			GenerateName string `json:"generateName"`
		} `json:"metadata"`
	}
	if err := yaml.Unmarshal(one.text, &head); err != nil {
		said.Problems = []string{err.Error()}
		return said
	}
	said.Kind = head.APIVersion + "/" + head.Kind
	said.Name = head.Metadata.Name + head.Metadata.GenerateName
	if unjudged[said.Kind] {
		said.Skipped = true
		return said
	}
	if empty, ok := judged[said.Kind]; ok {
		said.Problems, said.Warnings = judgeTekton(one.text, empty())
		return said
	}
	said.Problems = judgeKubernetes(one.text)
	return said
}

func judgeTekton(text []byte, target object) (problems, warnings []string) {
	if problems := decodeStrictly(text, target); len(problems) > 0 {
		return problems, nil
	}
	// The API server completes a generated name before it asks the webhook.
	if named, ok := target.(metav1.Object); ok && named.GetName() == "" && named.GetGenerateName() != "" {
		named.SetName(named.GetGenerateName() + "x")
	}
	ctx := contexts.WithUpgradeViaDefaulting(apis.WithinCreate(context.Background()))
	target.SetDefaults(ctx)
	found := target.Validate(ctx)
	problems, warnings = messages(found, apis.ErrorLevel), messages(found, apis.WarningLevel)
	if template, ok := target.(*triggers.TriggerTemplate); ok {
		problems = append(problems, judgeTemplates(template)...)
	}
	return problems, warnings
}

// decodeStrictly is as strict as the API server is with its own kinds: a name in other letters is another name.
func decodeStrictly(text []byte, target any) []string {
	plain, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return []string{err.Error()}
	}
	strict, err := json.UnmarshalStrict(plain, target)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for _, one := range strict {
		problems = append(problems, one.Error())
	}
	return problems
}

// placeholder is a parameter of a TriggerTemplate; what stands there later is a name in any case.
var placeholder = regexp.MustCompile(`\$\(tt\.params\.[^)]*\)`)

// judgeTemplates decodes what a TriggerTemplate creates: its own webhook only looks at the kind.
func judgeTemplates(template *triggers.TriggerTemplate) []string {
	var problems []string
	for index, resource := range template.Spec.ResourceTemplates {
		said := judge(document{line: 1, text: placeholder.ReplaceAll(resource.Raw, []byte("x"))})
		for _, problem := range said.Problems {
			problems = append(problems, fmt.Sprintf("spec.resourcetemplates[%d]: %s", index, problem))
		}
	}
	return problems
}

func messages(found *apis.FieldError, level apis.DiagnosticLevel) []string {
	filtered := found.Filter(level)
	if filtered == nil {
		return nil
	}
	return strings.Split(filtered.Error(), "\n")
}

// judgeKubernetes decodes a kind of Kubernetes itself strictly; any other kind is unknown here.
func judgeKubernetes(text []byte) []string {
	decoder := serializer.NewCodecFactory(kubernetes.Scheme, serializer.EnableStrict).UniversalDeserializer()
	if _, _, err := decoder.Decode(text, nil, nil); err != nil {
		return []string{err.Error()}
	}
	return nil
}
