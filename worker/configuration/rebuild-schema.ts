import { z } from 'zod';

import { describeValue } from './quoting.ts';
import { choice, section, word } from './sections.ts';
import { durationValue, kubernetesNameValue, serviceUrlValue, switchValue, textValue } from './values.ts';

const apiValue = serviceUrlValue({
  description: 'The API of the cluster, with the secret file token; default: the cluster that the worker runs in',
  example: 'https://api.prod.example.com:6443',
});

const webhookSchema = section(
  {
    url: serviceUrlValue({ description: 'Where the push event is sent' }),
    secret: switchValue({ description: 'Whether the secret file webhook-secret must be there' }).optional(),
    shape: word(['github', 'gitlab', 'gitea'], {
      description: 'The git host that the push event looks like',
      expected: 'github, gitlab or gitea',
      remedy: 'write the one whose interceptor or plugin the receiver has',
      example: 'github',
    }).default('github'),
  },
  {
    description: 'A push event in the shape of a git host',
    expected: 'a section with url',
    remedy: 'write url: https://HOST/PATH below webhook',
  },
);

const rolloutSchema = section(
  {
    api: apiValue.optional(),
    namespace: kubernetesNameValue({ description: 'Namespace of the Deployment' }),
    deployment: kubernetesNameValue({ description: 'Name of the Deployment' }),
  },
  {
    description: 'A restart of a Deployment whose pods take up the branch when they start',
    expected: 'a section with namespace and deployment',
    remedy: 'write both below rollout',
  },
);

const PARAMS_MESSAGE =
  'expected one text for each parameter of the Pipeline; write NAME: "value", where {commit}, {branch} and {repository} stand for what was pushed';

const paramValue = textValue({
  description: 'A parameter of the Pipeline; {commit}, {branch} and {repository} stand for what was pushed',
  expected: 'text, in which {commit}, {branch} and {repository} stand for what was pushed',
  remedy: 'write one of these words in braces, or none',
  example: '{commit}',
  refuse: (text) => {
    const unknown = /\{(?!(?:commit|branch|repository)\})\w*\}/.exec(text)?.[0];
    return unknown === undefined ? undefined : `holds ${unknown}, which stands for nothing`;
  },
});

const pipelineRunSchema = section(
  {
    api: apiValue.optional(),
    namespace: kubernetesNameValue({ description: 'Namespace of the Pipeline' }),
    pipeline: kubernetesNameValue({ description: 'Name of the Pipeline', example: 'rebuild-signature-server' }),
    serviceAccount: kubernetesNameValue({
      description: "ServiceAccount of the Pipeline's pods; default: the one that Tekton takes",
      example: 'signature-server-builder',
    }).optional(),
    params: z
      .record(z.string(), paramValue, {
        error: ({ input }) => `${describeValue(input)}; ${PARAMS_MESSAGE}`,
      })
      .meta({ description: 'Parameters of the Pipeline, by name' })
      .optional(),
    timeout: durationValue({
      description: 'How long a PipelineRun may take; default: as Tekton is configured',
      least: '10 seconds',
      most: '7 days',
    }).optional(),
  },
  {
    description: 'A PipelineRun of Tekton, which is followed to its end',
    expected: 'a section with namespace and pipeline',
    remedy: 'write both below pipelineRun',
  },
);

const openshiftBuildSchema = section(
  {
    api: apiValue.optional(),
    namespace: kubernetesNameValue({ description: 'Namespace of the BuildConfig' }),
    buildConfig: kubernetesNameValue({ description: 'Name of the BuildConfig' }),
    start: word(['instantiate', 'webhook'], {
      description: 'Through the API, or by the generic webhook with the secret file webhook-secret',
      expected: 'instantiate or webhook',
      remedy: 'write instantiate where the token may start builds',
      example: 'instantiate',
    }).default('instantiate'),
  },
  {
    description: 'A build on OpenShift, which is followed to its end',
    expected: 'a section with namespace and buildConfig',
    remedy: 'write both below openshiftBuild',
  },
);

/** How the signature server is told; `none` is the other form. */
export const rebuildSectionSchema = choice(
  {
    webhook: webhookSchema.optional(),
    rollout: rolloutSchema.optional(),
    pipelineRun: pipelineRunSchema.optional(),
    openshiftBuild: openshiftBuildSchema.optional(),
  },
  {
    description: 'How the signature server is told of a new commit',
    expected: 'none, or exactly one of webhook, rollout, pipelineRun and openshiftBuild',
    remedy: 'write rebuild: none where the server looks by itself, or keep one of them',
  },
  {
    trigger: word(['promotion', 'push'], {
      description: "Who triggers: the promotion, or the git host's own webhook, which the promotion then waits for",
      expected: 'promotion or push',
      remedy: 'write push where the git host has a webhook that rebuilds the server',
      example: 'push',
    }).default('promotion'),
    after: durationValue({
      description: 'With trigger: push, how long the git host has before the promotion triggers by itself',
      least: '1 second',
      most: '1 day',
    }).optional(),
  },
).check((context) => {
  const { trigger, after } = context.value as { trigger?: string; after?: string };
  if (after === undefined || trigger === 'push') return;
  const message = 'has after without trigger: push; expected both or none of them; add trigger: push, or remove after';
  context.issues.push({ code: 'custom', message, input: context.value });
});

/** For a rebuild that is missing or neither form. */
export const REBUILD_MESSAGE =
  'expected none, or a section with webhook, rollout, pipelineRun or openshiftBuild; write rebuild: none where the signature server looks for new commits by itself';
