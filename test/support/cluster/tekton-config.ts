/** The YAML of Tekton's releases, as their modules have it; kept in the cache. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, findGo } from '../parts/index.mjs';
import { VERSIONS } from './versions.ts';

/** Which files are applied together: what everything else needs, what the API server calls, and what Triggers call. */
export type ConfigGroup = 'definitions' | 'webhooks' | 'interceptors';

/** The files of a group, in the order in which they are to be applied. */
export function configFiles(group: ConfigGroup): readonly string[] {
  const pipelines = configFolder('github.com/tektoncd/pipeline', VERSIONS.pipelines);
  const triggers = configFolder('github.com/tektoncd/triggers', VERSIONS.triggers);
  if (group === 'webhooks') return [pipelines, triggers].map((folder) => path.join(folder, '500-webhooks.yaml'));
  if (group === 'interceptors') return [path.join(triggers, 'interceptors', 'core-interceptors.yaml')];
  const resolvers = path.join(pipelines, 'resolvers');
  return [
    path.join(pipelines, '100-namespace'),
    path.join(pipelines, '300-crds'),
    ...matching(pipelines, /^(20[01].*|clusterrole.*|config-.*)\.yaml$/),
    ...matching(triggers, /^(20[01].*|300.*|clusterrole.*|config-.*)\.yaml$/),
    ...matching(path.join(triggers, 'interceptors'), /^00.*\.yaml$/),
    ...matching(resolvers, /^(100-namespace|20[01].*|.*config.*)\.yaml$/),
  ];
}

function matching(folder: string, pattern: RegExp): readonly string[] {
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}

function configFolder(module: string, version: string): string {
  const folder = path.join(cacheFolder('cluster', 'tekton'), `${path.basename(module)}-${version}`);
  if (existsSync(folder)) return folder;
  const work = mkdtempSync(path.join(cacheFolder('work'), 'tekton-'));
  try {
    const env = { ...process.env, GOMODCACHE: work, GOFLAGS: '-modcacherw' };
    const args = ['mod', 'download', '-json', `${module}@${version}`];
    const answer = execFileSync(findGo() ?? 'go', args, { cwd: work, env, encoding: 'utf8' });
    const { Dir } = JSON.parse(answer) as { readonly Dir: string };
    cpSync(path.join(Dir, 'config'), `${folder}.new`, { recursive: true });
    renameSync(`${folder}.new`, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}
