package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/tektoncd/triggers/pkg/apis/triggers/contexts"
	triggers "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	"github.com/tektoncd/triggers/pkg/interceptors"
	"github.com/tektoncd/triggers/pkg/interceptors/cel"
	"github.com/tektoncd/triggers/pkg/interceptors/github"
	"github.com/tektoncd/triggers/pkg/interceptors/gitlab"
	"github.com/tektoncd/triggers/pkg/template"
	"sigs.k8s.io/yaml"
)

const namespace = "signatures"

// request is what `deliver` reads.
type request struct {
	// Documents are EventListener, TriggerBindings and TriggerTemplates, as JSON or YAML.
	Documents []string `json:"documents"`
	// Secrets are the keys of each Secret.
	Secrets    map[string]map[string]string `json:"secrets"`
	Deliveries []delivery                   `json:"deliveries"`
}

type delivery struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// outcome is what became of one delivery: what would be created, and why each other trigger did not fire.
type outcome struct {
	Created []json.RawMessage `json:"created"`
	Refused map[string]string `json:"refused"`
}

// site is what an EventListener knows of its namespace; it is the getter of secrets, too.
type site struct {
	listener  *triggers.EventListener
	bindings  map[string]*triggers.TriggerBinding
	templates map[string]*triggers.TriggerTemplate
	secrets   map[string]map[string]string
}

func deliver(input io.Reader) (any, error) {
	var asked request
	if err := json.NewDecoder(input).Decode(&asked); err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	place, err := readSite(asked)
	if err != nil {
		return nil, err
	}
	outcomes := []outcome{}
	for _, one := range asked.Deliveries {
		outcomes = append(outcomes, place.receive(one))
	}
	return map[string]any{"outcomes": outcomes}, nil
}

func readSite(asked request) (*site, error) {
	place := &site{
		bindings:  map[string]*triggers.TriggerBinding{},
		templates: map[string]*triggers.TriggerTemplate{},
		secrets:   asked.Secrets,
	}
	for _, text := range asked.Documents {
		var head struct{ Kind string }
		if err := yaml.Unmarshal([]byte(text), &head); err != nil {
			return nil, err
		}
		var err error
		switch head.Kind {
		case "EventListener":
			place.listener = &triggers.EventListener{}
			err = yaml.UnmarshalStrict([]byte(text), place.listener)
			place.listener.SetDefaults(contexts.WithUpgradeViaDefaulting(context.Background()))
		case "TriggerBinding":
			binding := &triggers.TriggerBinding{}
			err = yaml.UnmarshalStrict([]byte(text), binding)
			place.bindings[binding.Name] = binding
		case "TriggerTemplate":
			made := &triggers.TriggerTemplate{}
			err = yaml.UnmarshalStrict([]byte(text), made)
			place.templates[made.Name] = made
		}
		if err != nil {
			return nil, err
		}
	}
	if place.listener == nil {
		return nil, fmt.Errorf("read the request: no EventListener among its documents")
	}
	return place, nil
}

// receive goes the way of the sink: every trigger by itself, its interceptors one after the other.
func (s *site) receive(one delivery) outcome {
	said := outcome{Created: []json.RawMessage{}, Refused: map[string]string{}}
	for _, trigger := range s.listener.Spec.Triggers {
		resources, err := s.fire(trigger, one)
		if err != nil {
			said.Refused[trigger.Name] = err.Error()
		}
		said.Created = append(said.Created, resources...)
	}
	return said
}

func (s *site) fire(trigger triggers.EventListenerTrigger, one delivery) ([]json.RawMessage, error) {
	header := http.Header{}
	for name, value := range one.Headers {
		header.Set(name, value)
	}
	extensions := map[string]any{}
	for _, interceptor := range trigger.Interceptors {
		if err := s.intercept(interceptor, trigger.Name, header, one.Body, extensions); err != nil {
			return nil, err
		}
	}
	resolved, err := template.ResolveTrigger(
		triggers.Trigger{Spec: triggers.TriggerSpec{Bindings: trigger.Bindings, Template: *trigger.Template}},
		func(name string) (*triggers.TriggerBinding, error) { return found(s.bindings, name) },
		func(name string) (*triggers.ClusterTriggerBinding, error) {
			return nil, fmt.Errorf("no binding %s", name)
		},
		func(name string) (*triggers.TriggerTemplate, error) { return found(s.templates, name) },
	)
	if err != nil {
		return nil, err
	}
	context := template.NewTriggerContext("event")
	params, err := template.ResolveParams(resolved, []byte(one.Body), header, extensions, context)
	if err != nil {
		return nil, err
	}
	return template.ResolveResources(resolved.TriggerTemplate, params), nil
}

func (s *site) intercept(
	one *triggers.TriggerInterceptor, trigger string, header http.Header, body string, extensions map[string]any,
) error {
	params := map[string]any{}
	for _, param := range one.Params {
		var value any
		if err := json.Unmarshal(param.Value.Raw, &value); err != nil {
			return err
		}
		params[param.Name] = value
	}
	process, ok := map[string]triggers.InterceptorInterface{
		"github": github.NewInterceptor(s),
		"gitlab": gitlab.NewInterceptor(s),
		"cel":    cel.NewInterceptor(s),
	}[one.Ref.Name]
	if !ok {
		return fmt.Errorf("no interceptor %s here", one.Ref.Name)
	}
	answer := process.Process(context.Background(), &triggers.InterceptorRequest{
		Body: body, Header: header, Extensions: extensions, InterceptorParams: params,
		Context: &triggers.TriggerContext{TriggerID: "namespaces/" + namespace + "/triggers/" + trigger},
	})
	for name, value := range answer.Extensions {
		extensions[name] = value
	}
	if !answer.Continue {
		return fmt.Errorf("%s: %w", one.Ref.Name, answer.Status.Err())
	}
	return nil
}

// Get answers as the cluster does for a Secret or a key that is not there.
func (s *site) Get(_ context.Context, _ string, ref *triggers.SecretRef) ([]byte, error) {
	secret, ok := s.secrets[ref.SecretName]
	if !ok {
		return nil, fmt.Errorf("secrets %q not found", ref.SecretName)
	}
	value, ok := secret[ref.SecretKey]
	if !ok {
		return nil, fmt.Errorf("cannot find %s key in secret %s", ref.SecretKey, ref.SecretName)
	}
	return []byte(value), nil
}

var _ interceptors.SecretGetter = (*site)(nil)

func found[T any](all map[string]*T, name string) (*T, error) {
	if one, ok := all[name]; ok {
		return one, nil
	}
	return nil, fmt.Errorf("%s not found", name)
}
