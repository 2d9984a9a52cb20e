import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readHosts } from '../../cli/images/configured-hosts.ts';
import type { Configuration } from '../../worker/configuration/index.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const folder = useTempFolder();

function environment(name: string, servedAt: string, registries: object = {}): Configuration['environments'][string] {
  return { name, secrets: folder.join(name), signatures: { servedAt }, registries } as never;
}

async function place(file: string, text: string): Promise<void> {
  await mkdir(folder.join(file, '..'), { recursive: true });
  await writeFile(folder.join(file), text);
}

describe('the hosts of a configuration', () => {
  it('trust the private authority of an environment for its signature server, unless the host has its own', async () => {
    await place('prod/ca.crt', 'P');
    await place('qa/ca.crt', 'Q');
    await place('own.crt', 'OWN');
    const environments = {
      prod: environment('prod', 'https://sig.prod.example.com:8443/images', {
        'r.example.com': { tokenServers: [], plainHttp: true },
      }),
      qa: environment('qa', 'https://r.qa.example.com/images', {
        'r.qa.example.com': { tokenServers: [], ca: folder.join('own.crt') },
      }),
      dev: environment('dev', 'https://sig.dev.example.com/images'),
    };
    expect(await readHosts({ environments } as never)).toEqual({
      'r.example.com': { tokenServers: [], plainHttp: true },
      'sig.prod.example.com:8443': { ca: 'P' },
      'r.qa.example.com': { tokenServers: [], ca: 'OWN' },
    });
  });
});
