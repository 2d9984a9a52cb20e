/** READMEs and StepActions are what the YAML makes of them. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../support/command.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { generatedFiles, orphans, outdated } from '../support/tekton/generated-files.ts';
import type { Resource } from '../support/tekton/library.ts';
import { stepActionOf } from '../support/tekton/step-action.ts';
import { withStepImage } from '../support/tekton/step-image.ts';

const TEKTON = path.resolve(import.meta.dirname, '../../tekton');
const SAMPLE_LIBRARY = path.join(import.meta.dirname, 'library');
const TASK = 'task/weigh-image/0.1/weigh-image.yaml';
const ACTION = 'stepaction/weigh-image/0.1/weigh-image.yaml';
const README = 'task/weigh-image/0.1/README.md';
const IMAGE = `registry.example.com:5000/mirror/countersign:2.0.0@sha256:${'b'.repeat(64)}`;

const folder = useTempFolder();

beforeEach(async () => {
  await cp(SAMPLE_LIBRARY, folder.join('library'), { recursive: true });
});

async function sampleTask(change: (text: string) => string = (text) => text): Promise<Resource> {
  return parse(change(await readFile(path.join(SAMPLE_LIBRARY, TASK), 'utf8'))) as Resource;
}

describe('npm run tekton', { timeout: 60_000 }, () => {
  const script = path.resolve(import.meta.dirname, '../support/tekton/generate.ts');
  const loader = path.resolve(import.meta.dirname, '../support/typescript-loader.mjs');

  async function run(...args: readonly string[]) {
    const words = ['--import', loader, script, '--library', folder.join('library'), ...args];
    return await runCommand(process.execPath, words);
  }

  it('finds the library current', async () => {
    expect(outdated(await generatedFiles(TEKTON)).map(({ file }) => path.relative(TEKTON, file))).toEqual([]);
    expect(orphans(TEKTON)).toEqual([]);
  });

  it('fails with --check, names what is not current, and writes nothing', async () => {
    await writeFile(folder.join('library', README), 'old');
    const { code, stdout } = await run('--check');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^not current: .*weigh-image\/0\.1\/README\.md$/m);
    expect(stdout).toContain('npm run tekton writes them');
    expect(await readFile(folder.join('library', README), 'utf8')).toBe('old');
  });

  it('writes what is missing, and takes away a StepAction that no Task asks for', async () => {
    await rm(folder.join('library', README));
    const task = await readFile(folder.join('library', TASK), 'utf8');
    await writeFile(folder.join('library', TASK), task.replace("stepaction: 'true'", "stepaction: 'false'"));
    expect((await run()).code).toBe(0);
    expect(await readFile(folder.join('library', README), 'utf8')).toContain('# Weigh an image');
    await expect(readFile(folder.join('library', ACTION))).rejects.toThrow(/ENOENT/);
    expect((await run('--check')).code).toBe(0);
  });

  it('writes the reference of the step image everywhere, and checks it', async () => {
    expect((await run('--check', '--image', IMAGE)).stdout).toMatch(/^not current: .*weigh-image\.yaml$/m);
    expect((await run('--image', IMAGE)).code).toBe(0);
    for (const file of [TASK, ACTION, README])
      expect(await readFile(folder.join('library', file), 'utf8')).toContain(IMAGE);
    expect((await run('--check', '--image', IMAGE)).code).toBe(0);
  });

  it.each(['quay.io/a/b:1', `quay.io/a/b@sha256:${'b'.repeat(64)}`, 'b:1', `quay.io/a/b:1@sha256:${'B'.repeat(64)}`])(
    'refuses %s as step image',
    (reference) => {
      expect(() => withStepImage('', reference)).toThrow(/expected HOST\/NAME:TAG@sha256:DIGEST, received/);
    },
  );
});

describe('the README of a task', () => {
  it('has tables, the first sample, and what is written by hand', async () => {
    const text = await readFile(path.join(SAMPLE_LIBRARY, README), 'utf8');
    expect(text).toContain('| `image` | required | Reference of the image');
    expect(text).toContain('| `platform` | empty | Platform to weigh');
    expect(text).toContain('| `docker-config` | optional | read only | Folder with config.json');
    expect(text).toContain('| `IMAGE_DIGEST` | Digest of the image');
    expect(text).toContain('Tekton Pipelines 1.0.0 or later');
    expect(text).toContain('```yaml\napiVersion: tekton.dev/v1\nkind: TaskRun');
    expect(text.trimEnd().endsWith('## Security\n\nNothing is written.')).toBe(true);
  });
});

describe('the StepAction of a Task', () => {
  it('turns workspaces into parameters, results into those of a step, and a volume into the home of Tekton', async () => {
    const action = stepActionOf(await sampleTask());
    expect(action.spec.params?.map(({ name, default: value }) => [name, value])).toEqual([
      ['image', undefined],
      ['platform', ''],
      ['countersignImage', expect.stringContaining('@sha256:')],
      ['dockerConfigPath', ''],
    ]);
    expect((action.spec as unknown as { env: unknown }).env).toEqual([
      { name: 'PARAM_IMAGE', value: '$(params.image)' },
      { name: 'PARAM_PLATFORM', value: '$(params.platform)' },
      { name: 'WORKSPACE_DOCKER_CONFIG', value: '$(params.dockerConfigPath)' },
      { name: 'RESULT_IMAGE_DIGEST', value: '$(step.results.IMAGE_DIGEST.path)' },
      { name: 'HOME', value: '/tekton/home' },
    ]);
    expect(Object.keys(action.spec)).not.toContain('volumeMounts');
    expect(Object.keys(action.spec)).not.toContain('workspaces');
  });

  it('asks for the path of a workspace that the Task needs', async () => {
    const action = stepActionOf(await sampleTask((text) => text.replace('      optional: true\n', '')));
    expect(action.spec.params?.at(-1)).not.toHaveProperty('default');
  });

  it.each([
    ['$(workspaces.docker-config.path)', '$(workspaces.docker-config.bound)', /has no counterpart/],
    ['$(params.platform)', '$(context.taskRun.name)', /has no counterpart/],
    ['emptyDir: {}', 'secret: { secretName: keys }', /volume home is no emptyDir/],
    ['  steps:\n', '  steps:\n    - name: first\n      image: x\n', /expected one step with a script/],
  ])('cannot be made of a Task with %s turned into %s', async (from, to, error) => {
    const task = await sampleTask((text) => text.replace(from, () => to));
    expect(() => stepActionOf(task)).toThrow(error);
  });
});
