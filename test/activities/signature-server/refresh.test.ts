import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { useServers, WEB } from './server-fixture.ts';

describe('the served snapshot', () => {
  const { repository, serve, folder, log } = useServers();
  const text = async (url: string): Promise<string> => (await fetch(url)).text();
  const mirrors = async (): Promise<string[]> =>
    (await readdir(folder.join('cache'))).map((name) => folder.join('cache', name));

  it('is never a mixture of two commits, however often it changes under load', async () => {
    const git = await repository();
    const numbers = new Map<string, number>();
    const commit = async (number: number): Promise<void> => {
      const files = { [`${WEB}/signature-${number}`]: `signature ${number}`, 'images/number': String(number) };
      numbers.set(await git.commit(files), number);
    };
    await commit(1);
    const server = await serve(git.path);
    let done = false;
    const seen = new Set<number>();
    const ask = async (file: string): Promise<{ number: number; status: number; body: string }> => {
      const answer = await fetch(`${server.url}/${file}`);
      const number = numbers.get(answer.headers.get('x-countersign-commit') ?? '') ?? Number.NaN;
      return { number, status: answer.status, body: await answer.text() };
    };
    const read = async (): Promise<void> => {
      while (!done) {
        const probe = 1 + Math.floor(Math.random() * 8);
        const [current, signature] = await Promise.all([ask('images/number'), ask(`${WEB}/signature-${probe}`)]);
        expect(current.body).toBe(String(current.number));
        const expected = probe <= signature.number ? [200, `signature ${probe}`] : [404, 'not found\n'];
        expect([signature.status, signature.body]).toEqual(expected);
        seen.add(current.number);
      }
    };
    const readers = Promise.all(Array.from({ length: 3 }, read));
    for (let number = 2; number <= 8; number++) {
      await commit(number);
      await server.refresh();
    }
    done = true;
    await readers;
    expect(seen.size).toBeGreaterThan(3);
    expect(await text(`${server.url}/images/number`)).toBe('8');
  });

  it('follows a force-push and warns of it', async () => {
    const git = await repository();
    const before = await git.commit({ 'images/old': 'abc', 'images/both': '1' });
    const server = await serve(git.path);
    const commit = await git.commit({ 'images/both': '2' }, { orphan: true });
    await server.refresh();
    expect(server.commit()).toBe(commit);
    expect((await fetch(`${server.url}/images/old`)).status).toBe(404);
    expect(await text(`${server.url}/images/both`)).toBe('2');
    expect(log.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ fields: { commit, before, files: 1 } }),
    ]);
  });

  it('follows a branch that was set back, and warns of it', async () => {
    const git = await repository();
    const first = await git.commit({ 'images/a': 'abc' });
    await git.commit({ 'images/b': 'abc' });
    const server = await serve(git.path);
    await git.git(['update-ref', 'refs/heads/main', first]);
    await server.refresh();
    expect((await fetch(`${server.url}/images/b`)).status).toBe(404);
    expect(log.some(({ level }) => level === 'warn')).toBe(true);
  });

  it('does not warn of commits on top', async () => {
    const git = await repository();
    await git.commit({ 'images/a': 'abc' });
    const server = await serve(git.path);
    await git.commit({ 'images/b': 'abc' });
    await git.commit({ 'images/c': 'abc' });
    await server.refresh();
    expect((await fetch(`${server.url}/images/c`)).status).toBe(200);
    expect(log.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('stays when the repository cannot be read, and shows it', async () => {
    const git = await repository();
    const commit = await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path);
    await rename(git.path, `${git.path}.away`);
    await expect(server.refresh()).rejects.toMatchObject({ code: 'repository-unavailable' });

    expect(await text(`${server.url}/images/file`)).toBe('abc');
    const ready = await fetch(`${server.url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      ready: true,
      commit,
      failing: { attempts: 1, code: 'repository-unavailable' },
    });
    const metrics = await text(`${server.url}/metrics`);
    expect(metrics).toContain('countersign_signature_server_refresh_failures_total 1');
    expect(metrics).toContain('countersign_signature_server_refresh_failing 1');
    expect(log.at(-1)).toMatchObject({ level: 'error', fields: { serving: commit } });

    await rename(`${git.path}.away`, git.path);
    await server.refresh();
    expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({ failing: null });
  });

  it('stays when the branch is deleted', async () => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path);
    await git.git(['update-ref', '-d', 'refs/heads/main']);
    await expect(server.refresh()).rejects.toMatchObject({ code: 'repository-unavailable' });
    expect(await text(`${server.url}/images/file`)).toBe('abc');
  });

  it('is taken anew every poll interval', async () => {
    const git = await repository();
    await git.commit({ 'images/file': '1' });
    const server = await serve(git.path, { pollIntervalMs: 20 });
    await git.commit({ 'images/file': '2' });
    await vi.waitFor(async () => expect(await text(`${server.url}/images/file`)).toBe('2'), { timeout: 10_000 });
  });

  it('is there again after a restart while the repository is out of reach', async () => {
    const git = await repository();
    const commit = await git.commit({ 'images/file': 'abc' });
    await (await serve(git.path)).close();
    await rename(git.path, `${git.path}.away`);
    const server = await serve(git.path, { first: false });
    expect(await text(`${server.url}/images/file`)).toBe('abc');
    expect(server.commit()).toBe(commit);
  });

  it('is never taken from a cache of another repository or branch', async () => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    await (await serve(git.path)).close();
    for (const other of [{ repository: folder.join('other.git') }, { branch: 'other' }]) {
      const server = await serve(git.path, { first: false, ...other });
      expect((await fetch(`${server.url}/images/file`)).status).toBe(503);
      await server.close();
    }
  });

  it('is copied anew when objects of the cache are lost while it is served', async () => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path);
    for (const mirror of await mirrors()) await rm(path.join(mirror, 'objects'), { recursive: true });
    expect((await fetch(`${server.url}/images/file`)).status).toBe(500);
    await server.refresh();
    expect(await text(`${server.url}/images/file`)).toBe('abc');
    expect(await mirrors()).toHaveLength(1);
  });

  it('is copied anew after a restart on a cache that was cut off', async () => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    await (await serve(git.path)).close();
    const [mirror = ''] = await mirrors();
    await rm(path.join(mirror, 'objects'), { recursive: true });
    const server = await serve(git.path);
    expect(await text(`${server.url}/images/file`)).toBe('abc');
  });

  it('is taken although a killed git left its locks', async () => {
    const git = await repository();
    await git.commit({ 'images/file': '1' });
    await (await serve(git.path)).close();
    const [mirror = ''] = await mirrors();
    for (const lock of ['refs/countersign/served.lock', 'packed-refs.lock', 'config.lock', 'HEAD.lock']) {
      await writeFile(path.join(mirror, lock), '');
    }
    await git.commit({ 'images/file': '2' });
    const server = await serve(git.path);
    expect(await text(`${server.url}/images/file`)).toBe('2');
  });

  it('leaves folders alone that are not its own', async () => {
    await mkdir(folder.join('cache'));
    await writeFile(folder.join('cache', 'notes.txt'), 'mine');
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    await serve(git.path);
    expect(await readdir(folder.join('cache'))).toContain('notes.txt');
  });

  it('ends a look that is under way when the server closes', async () => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path);
    const looking = server.refresh().catch((error: unknown) => error);
    await server.close();
    await looking;
    await server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    await expect(server.refresh()).rejects.toThrow(/closing/);
  });
});
