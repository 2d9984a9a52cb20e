import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { StepError } from '../activities/steps/index.ts';
import type { ClusterAccess } from '../activities/signature-server/index.ts';
import type { EnvironmentConfiguration } from './configuration/index.ts';
import { neededSecrets, readSecrets } from './secrets/index.ts';

/** Where every pod finds the credentials of its ServiceAccount, unless it is told not to. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Where the credentials of the worker's own cluster are, for tests. */
export interface ClusterSurroundings {
  readonly serviceAccount?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Access to the cluster at `api` by the secret file `token`, or without `api` to the cluster that the worker runs in by
 * its ServiceAccount. Tokens are read at every use.
 * @throws StepError `configuration-invalid` where the worker runs in no cluster, or has no token there.
 */
export function openCluster(
  own: EnvironmentConfiguration,
  api: string | undefined,
  surroundings: ClusterSurroundings = {},
): ClusterAccess {
  if (api === undefined) return openOwnCluster(own, surroundings);
  return {
    api,
    readToken: async () => {
      const { token } = await readSecrets(own.name, own.secrets, neededSecrets(own));
      return token?.reveal() ?? '';
    },
    ...readAuthority(path.join(own.secrets, 'ca.crt')),
  };
}

function openOwnCluster({ name }: EnvironmentConfiguration, surroundings: ClusterSurroundings): ClusterAccess {
  return openSurroundingCluster(
    {
      asks: `environments.${name} asks the cluster that its worker runs in`,
      instead: 'api below it, and the secret file token',
    },
    surroundings,
  );
}

/**
 * Access to the cluster that this process runs in, by the ServiceAccount of its pod.
 * @param words for messages: who asks, and what else would do.
 * @throws StepError `configuration-invalid` where it runs in none, or has no token there.
 */
export function openSurroundingCluster(
  words: { readonly asks: string; readonly instead: string },
  { serviceAccount = SERVICE_ACCOUNT, environment = process.env }: ClusterSurroundings = {},
): ClusterAccess {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === '') {
    const message = `${words.asks}, and it runs in none; expected ${words.instead}`;
    throw new StepError('configuration-invalid', message);
  }
  const authority = readAuthority(path.join(serviceAccount, 'ca.crt'));
  if (authority.ca === undefined) {
    throw new StepError(
      'configuration-invalid',
      `${words.asks}, and ${serviceAccount} is not there; set automountServiceAccountToken: true for its pod`,
    );
  }
  return {
    api: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    readToken: async () => (await readFile(path.join(serviceAccount, 'token'), 'utf8')).trim(),
    ...authority,
  };
}

function readAuthority(file: string): { readonly ca?: string } {
  try {
    return { ca: readFileSync(file, 'utf8') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    throw error;
  }
}
