import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../../workflows/domain/digest.ts';
import { TrustError } from './error.ts';

/** Where the files of a node lie; `/` but for tests. */
export interface NodeFiles {
  /** Of the user who pulls. */
  readonly home: string;
  readonly root?: string;
}

/**
 * The policy.json that counts where none is named: that of the user, else that of the system.
 * @throws TrustError `configuration-invalid` where there is neither, as readers then refuse to do anything.
 */
export async function findPolicyFile({ home, root = '/' }: NodeFiles): Promise<string> {
  const places = [join(home, '.config/containers/policy.json'), join(root, 'etc/containers/policy.json')];
  for (const place of places) if (await exists(place)) return place;
  throw new TrustError(
    'configuration-invalid',
    `no policy.json: neither ${places.map(quote).join(' nor ')} exists, and readers then refuse every image`,
  );
}

/** The registries.d that counts where none is named: that of the user alone, where there is one, else the system's. */
export async function findRegistriesD({ home, root = '/' }: NodeFiles): Promise<string> {
  const own = join(home, '.config/containers/registries.d');
  return (await exists(own)) ? own : join(root, 'etc/containers/registries.d');
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
