/** Objects for the suite of rebuilds: pipelines that rebuild nothing, an EventListener, OpenShift's types. */

const IMAGE = 'localhost/debian:1';

/** `rebuild` succeeds and returns the commit, `failing` fails in its second step. */
export function pipelines(namespace: string): readonly unknown[] {
  const pipeline = (name: string, spec: object) => ({
    apiVersion: 'tekton.dev/v1',
    kind: 'Pipeline',
    metadata: { name, namespace },
    spec: { params: [{ name: 'commit' }], ...spec },
  });
  const params = [{ name: 'commit', value: '$(params.commit)' }];
  const build = {
    params: [{ name: 'commit' }],
    results: [{ name: 'commit' }],
    steps: [
      {
        name: 'build',
        image: IMAGE,
        env: [{ name: 'COMMIT', value: '$(params.commit)' }],
        script: '#!/bin/sh\nprintf %s "$COMMIT" > "$(results.commit.path)"\n',
      },
    ],
  };
  const fail = {
    steps: [
      { name: 'prepare', image: IMAGE, script: '#!/bin/sh\necho prepared\n' },
      { name: 'build', image: IMAGE, script: '#!/bin/sh\necho cloning\necho "fatal: no such branch" >&2\nexit 3\n' },
    ],
  };
  return [
    pipeline('rebuild', {
      tasks: [{ name: 'build', params, taskSpec: build }],
      results: [{ name: 'commit', value: '$(tasks.build.results.commit)' }],
    }),
    pipeline('failing', { tasks: [{ name: 'build', taskSpec: fail }] }),
  ];
}

function interceptor(name: 'github' | 'gitlab', eventTypes: readonly string[]): unknown {
  const secretRef = { secretName: 'webhook', secretKey: 'token' };
  return {
    ref: { name },
    params: [
      { name: 'secretRef', value: secretRef },
      { name: 'eventTypes', value: eventTypes },
    ],
  };
}

function triggerOf(name: 'github' | 'gitlab', event: string): unknown {
  const bindings = [{ name: 'commit', value: '$(body.after)' }];
  return { name, interceptors: [interceptor(name, [event])], bindings, template: { ref: 'rebuild' } };
}

/** Pushes of any of the hosts, proven, make a run whose name is made from the commit. */
export function eventListenerObjects(namespace: string): readonly unknown[] {
  const named = (name: string) => ({ name, namespace });
  const run = {
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: { name: 'push-$(tt.params.commit)', labels: { commit: '$(tt.params.commit)' } },
    spec: { pipelineRef: { name: 'rebuild' }, params: [{ name: 'commit', value: '$(tt.params.commit)' }] },
  };
  const bind = (kind: 'RoleBinding' | 'ClusterRoleBinding', role: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: kind === 'RoleBinding' ? named('listener') : { name: `listener-${namespace}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', ...named('listener') }],
  });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: named('listener') },
    bind('RoleBinding', 'tekton-triggers-eventlistener-roles'),
    bind('ClusterRoleBinding', 'tekton-triggers-eventlistener-clusterroles'),
    {
      apiVersion: 'triggers.tekton.dev/v1beta1',
      kind: 'TriggerTemplate',
      metadata: named('rebuild'),
      spec: { params: [{ name: 'commit' }], resourcetemplates: [run] },
    },
    {
      apiVersion: 'triggers.tekton.dev/v1beta1',
      kind: 'EventListener',
      metadata: named('rebuild'),
      spec: {
        serviceAccountName: 'listener',
        triggers: [triggerOf('github', 'push'), triggerOf('gitlab', 'Push Hook')],
      },
    },
  ];
}

const STRING = { type: 'string' };
const LOOSE = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** OpenShift's Build API as CustomResources, in the fields that are read of it. */
export const openshiftDefinitions: readonly unknown[] = [
  definition('Build', 'builds', {
    spec: LOOSE,
    status: {
      type: 'object',
      properties: {
        phase: { type: 'string', enum: ['New', 'Pending', 'Running', 'Complete', 'Failed', 'Error', 'Cancelled'] },
        reason: STRING,
        message: STRING,
        logSnippet: STRING,
      },
    },
  }),
  definition('BuildConfig', 'buildconfigs', {
    spec: LOOSE,
    status: { type: 'object', properties: { lastVersion: { type: 'integer', format: 'int64' } } },
  }),
];

function definition(kind: string, plural: string, properties: object): unknown {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.build.openshift.io` },
    spec: {
      group: 'build.openshift.io',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties } },
        },
      ],
    },
  };
}
