/** What real programs say of the task library: Tekton's own validation, kustomize and shellcheck. */
import { readFileSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { ensureParts } from '../support/parts/index.mjs';
import { useTempFolder } from '../support/temp-folder.ts';
import { stepsOf } from '../support/tekton/conventions/rule.ts';
import { kustomizationFolders } from '../support/tekton/kustomizations.ts';
import { readLibrary } from '../support/tekton/library.ts';
import { checkFiles, kustomize } from '../support/tekton/tekton-validate.ts';
import { VERSIONS } from '../support/cluster/versions.ts';

const TEKTON = path.resolve(import.meta.dirname, '../../tekton');
const SAMPLE_TASK = path.join(import.meta.dirname, 'library/task/weigh-image/0.1/weigh-image.yaml');
const SAMPLE_ACTION = path.join(import.meta.dirname, 'library/stepaction/weigh-image/0.1/weigh-image.yaml');
const LISTENER = path.join(TEKTON, 'trigger/base/event-listener.yaml');
const TEMPLATE = path.join(TEKTON, 'trigger/base/template.yaml');
const ROLES = path.join(TEKTON, 'trigger/base/service-accounts.yaml');

const folder = useTempFolder();

async function yamlFiles(): Promise<readonly string[]> {
  const names = await readdir(TEKTON, { recursive: true });
  return names.filter((name) => name.endsWith('.yaml')).map((name) => path.join(TEKTON, name));
}

describe("Tekton's validation", () => {
  it('has nothing against any document of the library, its samples and its triggers', async () => {
    const verdicts = await checkFiles(await yamlFiles());
    expect(verdicts.length).toBeGreaterThan(60);
    expect(verdicts.filter(({ problems = [], warnings = [] }) => problems.length + warnings.length > 0)).toEqual([]);
    const skipped = verdicts.filter((one) => one.skipped).map(({ kind }) => kind?.split('/').at(-1));
    expect(new Set(skipped)).toEqual(new Set(['Component', 'Kustomization', 'Route']));
  });

  it('is of the versions that the test cluster runs', async () => {
    const text = await readFile(path.resolve(import.meta.dirname, '../support/tekton/validate/go.mod'), 'utf8');
    expect(text).toContain(`github.com/tektoncd/pipeline ${VERSIONS.pipelines}\n`);
    expect(text).toContain(`github.com/tektoncd/triggers ${VERSIONS.triggers}\n`);
  });

  it.each([
    ['an unknown field', SAMPLE_TASK, 'timeout: 10m', 'timeOut: 10m', /unknown field "spec.steps\[0\].timeOut"/],
    ['an undeclared parameter', SAMPLE_TASK, '$(params.platform)', '$(params.other)', /non-existent variable/],
    ['a parameter in the script of a StepAction', SAMPLE_ACTION, '"$PARAM_IMAGE"', '"$(params.image)"', /not allowed/],
    ['a member that stands twice', SAMPLE_TASK, '  params:\n', '  params: []\n  params:\n', /already (set|defined)/],
    ['an unknown kind', SAMPLE_TASK, 'kind: Task', 'kind: Tusk', /no kind "Tusk" is registered/],
    ['an older version', SAMPLE_TASK, 'tekton.dev/v1', 'tekton.dev/v1beta1', /no kind "Task" is registered/],
    [
      'an interceptor without reference',
      LISTENER,
      '- ref:\n            name: github',
      '- name: github',
      /missing field/,
    ],
    [
      'a wrong run in a template',
      TEMPLATE,
      'taskRunTemplate:',
      'taskRunTemplat:',
      /resourcetemplates\[0\].*taskRunTemplat/,
    ],
    ['a parameter that the template lacks', TEMPLATE, '    - name: run\n', '    - name: ran\n', /undeclared param/],
    ['a slip in a Role', ROLES, 'apiGroups:', 'apiGroup:', /unknown field "rules\[0\].apiGroup"/],
  ])('finds %s, and tells where', async (_what, file, from, to, problem) => {
    const text = await readFile(file, 'utf8');
    expect(text).toContain(from);
    await writeFile(
      folder.join('spoilt.yaml'),
      text.replace(from, () => to),
    );
    const verdicts = await checkFiles([folder.join('spoilt.yaml')]);
    const [bad] = verdicts.filter(({ problems }) => problems !== undefined);
    expect(bad?.problems?.join('\n')).toMatch(problem);
    expect(text.split('\n')[bad!.line - 1]).toMatch(/^apiVersion: /);
  });
});

/** A component is built by the overlay that switches it on. */
function isComponent(kustomization: string): boolean {
  return /^kind: Component$/m.test(readFileSync(path.join(kustomization, 'kustomization.yaml'), 'utf8'));
}

describe('kustomize', () => {
  it('builds the library and every overlay', async () => {
    const library = await kustomize(TEKTON);
    expect(library).toHaveLength(readLibrary(TEKTON).length);
    const folders = kustomizationFolders(path.join(TEKTON, 'trigger')).filter((one) => !isComponent(one));
    expect(folders).toHaveLength(3);
    for (const one of folders) {
      const documents = await kustomize(one);
      await writeFile(folder.join('made.yaml'), documents.map((document) => JSON.stringify(document)).join('\n---\n'));
      const verdicts = await checkFiles([folder.join('made.yaml')]);
      expect(verdicts).toHaveLength(documents.length);
      expect(verdicts.filter(({ problems }) => problems !== undefined)).toEqual([]);
    }
  });

  it('says why it cannot build', async () => {
    await writeFile(folder.join('kustomization.yaml'), 'resources: [missing.yaml]\n');
    await expect(kustomize(folder.path)).rejects.toThrow(/missing\.yaml/);
  });
});

describe('shellcheck', () => {
  async function shellcheck(name: string, script: string): Promise<string> {
    const { shellcheck: program } = await ensureParts(['shellcheck']);
    const file = folder.join(`${name}.sh`);
    await writeFile(file, script);
    const { stdout, stderr } = await runCommand(program, ['--severity=style', '--format=gcc', file]);
    return stdout + stderr;
  }

  it('has nothing against any script of the library', async () => {
    const scripts = readLibrary(TEKTON).flatMap((entry) =>
      stepsOf(entry).map(({ name, script = '' }) => ({ name: `${entry.folderName}-${name}`, script })),
    );
    expect(scripts.length).toBeGreaterThan(15);
    for (const { name, script } of scripts) expect(await shellcheck(name, script)).toBe('');
  });

  it('finds what is not quoted', async () => {
    expect(await shellcheck('spoilt', '#!/usr/bin/env bash\ncp $1 /tmp\n')).toContain('SC2086');
  });
});
