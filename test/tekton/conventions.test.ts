/** The task library keeps its conventions, and each of them is seen to bite. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { useTempFolder } from '../support/temp-folder.ts';
import { RULES, violationsOf } from '../support/tekton/conventions/index.ts';
import { unlistedFiles } from '../support/tekton/kustomizations.ts';
import { readLibrary } from '../support/tekton/library.ts';

const TEKTON = path.resolve(import.meta.dirname, '../../tekton');
const SAMPLE_LIBRARY = path.join(import.meta.dirname, 'library');

const TASK = 'task/weigh-image/0.1/weigh-image.yaml';
const ACTION = 'stepaction/weigh-image/0.1/weigh-image.yaml';
const PIPELINE = 'pipeline/weigh-images/0.1/weigh-images.yaml';
const TASK_RUN = 'task/weigh-image/0.1/samples/run.yaml';
const PIPELINE_RUN = 'pipeline/weigh-images/0.1/samples/run.yaml';

/** Rule, file, what is replaced, and by what. */
const SPOILT: readonly (readonly [rule: string, file: string, from: string, to: string])[] = [
  ['lies where its name says', TASK, 'name: weigh-image\n', 'name: weigh\n'],
  ['lies where its name says', PIPELINE, 'kind: Pipeline', 'kind: Task'],
  ['has the version of its folder as label', TASK, "version: '0.1'", "version: '0.2'"],
  ['has the version of its folder as label', TASK, "version: '0.1'", "version: '0.10'"],
  ['is written in the version that is served', TASK, 'tekton.dev/v1', 'tekton.dev/v1beta1'],
  ['is written in the version that is served', ACTION, 'tekton.dev/v1beta1', 'tekton.dev/v1alpha1'],
  ['has the annotations of catalogues', TASK, 'tekton.dev/displayName', 'tekton.dev/display'],
  ['has the annotations of catalogues', TASK, 'linux/amd64,linux/arm64', 'linux/x86'],
  ['names categories that exist', TASK, 'categories: Security', 'categories: Signing'],
  ['states a true minimum version', TASK, "minVersion: '1.0.0'", "minVersion: '0.12.1'"],
  ['states a true minimum version', ACTION, 'minVersion: 1.0.0', "minVersion: '0.54.0'"],
  ['tells Artifact Hub what changed', TASK, 'category: security', 'category: Security'],
  ['tells Artifact Hub what changed', TASK, '- kind: added', '- kind: new'],
  ['begins its description with a summary that stands alone', TASK, 'image has.\n\n', 'image has, and\n'],
  ['describes every parameter, workspace and result', TASK, 'Digest of the image, with its algorithm.', 'Digest'],
  ['names parameters, workspaces and results in the style of each', TASK, 'name: platform', 'name: image_platform'],
  ['names parameters, workspaces and results in the style of each', TASK, '- name: IMAGE_DIGEST', '- name: digest'],
  [
    'names parameters, workspaces and results in the style of each',
    TASK,
    '- name: docker-config',
    '- name: dockerConfig',
  ],
  ['uses every parameter that it declares, and no other', TASK, '$(params.platform)', 'linux/amd64'],
  ['uses every parameter that it declares, and no other', PIPELINE, '$(params.image)', '$(params.picture)'],
  ['uses every workspace that it declares, and no other', TASK, '$(workspaces.docker-config.path)', '/nowhere'],
  ['uses every workspace that it declares, and no other', PIPELINE, 'workspace: docker-config', 'workspace: config'],
  ['writes every result that it declares', TASK, '>"$RESULT_IMAGE_DIGEST"', '>/dev/null'],
  ['writes every result that it declares', ACTION, '$(step.results.IMAGE_DIGEST.path)', '$(results.IMAGE_DIGEST.path)'],
  ['writes every result that it declares', PIPELINE, '      value: $(tasks.weigh.results.IMAGE_DIGEST)\n', ''],
  ['asks for credentials in optional workspaces that are only read', TASK, 'readOnly: true', 'readOnly: false'],
  ['asks for credentials in optional workspaces that are only read', TASK, 'optional: true', 'optional: false'],
  ['writes truth values as strings', TASK, "default: ''", 'default: true'],
  ['pins the one step image by digest', TASK, '@sha256:', ''],
  ['pins the one step image by digest', TASK, 'countersign:0.1.0@', 'countersign:0.2.0@'],
  ['pins the one step image by digest', TASK, '$(params.countersignImage)', 'quay.io/example/countersign:latest'],
  ['interpolates nothing into a script', TASK, 'weigh "$PARAM_IMAGE"', 'weigh "$(params.image)"'],
  ['interpolates nothing into a script', TASK, 'weigh "$PARAM_IMAGE"', 'weigh "$(params["image"])"'],
  ['interpolates nothing into a script', TASK, 'weigh "$PARAM_IMAGE"', 'weigh "$(context.taskRun.name)"'],
  ['interpolates nothing into a script', TASK, 'weigh "$PARAM_IMAGE"', 'weigh "$(steps.a.results.b)"'],
  ['begins every script in the same strict way', TASK, '#!/usr/bin/env bash', '#!/bin/sh'],
  ['begins every script in the same strict way', TASK, 'set -euo pipefail', 'set -e'],
  ['begins every script in the same strict way', TASK, 'umask 077', 'umask 022'],
  ['keeps scripts short', TASK, 'umask 077\n', `umask 077\n${'        true\n'.repeat(30)}`],
  ['shows no command of a script in the log', TASK, 'umask 077\n', 'umask 077\n        set -x\n'],
  ['uses every variable of its environment', TASK, ' "$PARAM_PLATFORM"', ''],
  [
    'gives a step no right that it does not need',
    TASK,
    'readOnlyRootFilesystem: true',
    'readOnlyRootFilesystem: false',
  ],
  ['gives a step no right that it does not need', TASK, 'runAsUser: 65532', 'runAsUser: 0'],
  ['gives a step no right that it does not need', TASK, 'drop: [ALL]', 'drop: [NET_RAW]'],
  ['gives a step no right that it does not need', TASK, 'drop: [ALL]', 'drop: [ALL]\n          add: [CHOWN]'],
  ['gives a step no right that it does not need', ACTION, 'type: RuntimeDefault', 'type: Unconfined'],
  ['limits what a step uses', TASK, 'memory: 256Mi', 'cpu: 1'],
  ['ends a step in time', TASK, '      timeout: 10m\n', ''],
  [
    'gives a reason where a failure is ignored',
    TASK,
    '      timeout: 10m\n',
    '      timeout: 10m\n      onError: continue\n',
  ],
  ['has a sample that runs it', TASK_RUN, 'kind: TaskRun', 'kind: CustomRun'],
  ['is called with what it declares', TASK_RUN, 'name: image\n', 'name: picture\n'],
  ['is called with what it declares', TASK_RUN, 'name: docker-config', 'name: registry'],
  ['is called with what it declares', PIPELINE_RUN, '- name: image', '- name: picture'],
  ['is called with what it declares', PIPELINE, 'name: weigh-image\n', 'name: weigh-nothing\n'],
  ['is called with what it declares', PIPELINE, '        - name: image\n', '        - name: platform\n'],
];

describe('the task library', () => {
  it('keeps the conventions', () => {
    expect(readLibrary(TEKTON).length).toBeGreaterThan(15);
    expect(violationsOf(TEKTON)).toEqual([]);
  });

  it('lists every file in a kustomization', () => {
    expect(unlistedFiles(TEKTON)).toEqual([]);
  });
});

describe('the conventions', () => {
  const folder = useTempFolder();

  beforeEach(async () => {
    await cp(SAMPLE_LIBRARY, folder.join('library'), { recursive: true });
  });

  async function spoil(file: string, from: string, to: string): Promise<void> {
    const target = folder.join('library', file);
    const text = await readFile(target, 'utf8');
    expect(text).toContain(from);
    await writeFile(
      target,
      text.replace(from, () => to),
    );
  }

  it('find nothing in a library that keeps them', () => {
    expect(violationsOf(folder.join('library'))).toEqual([]);
    expect(unlistedFiles(folder.join('library'))).toEqual([]);
  });

  it.each(SPOILT)('%s: %s with %j turned into %j', async (rule, file, from, to) => {
    await spoil(file, from, to);
    expect(violationsOf(folder.join('library')).filter((line) => line.includes(`: ${rule}: `))).not.toEqual([]);
  });

  it('are each seen to bite', () => {
    const bitten = new Set(SPOILT.map(([rule]) => rule));
    expect(RULES.map(({ name }) => name).filter((name) => !bitten.has(name))).toEqual([]);
  });

  it('let a failure be ignored where the reason stands above', async () => {
    await spoil(
      TASK,
      '      timeout: 10m\n',
      '      timeout: 10m\n      # The log says more.\n      onError: continue\n',
    );
    expect(violationsOf(folder.join('library'))).toEqual([]);
  });

  it('name a resource that is missing in its folder', async () => {
    await rm(folder.join('library', TASK));
    expect(() => violationsOf(folder.join('library'))).toThrow(/it has no weigh-image\.yaml/);
  });

  it('find a file that no kustomization lists, and one that is listed and not there', async () => {
    await spoil('kustomization.yaml', `  - ${TASK}\n`, '  - task/other.yaml\n');
    expect(unlistedFiles(folder.join('library'))).toEqual([TASK, 'task/other.yaml']);
  });
});
