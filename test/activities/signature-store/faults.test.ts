import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { digestOf, numbered, PATH, publishInput, recordOf, useStores } from './store-fixture.ts';

const stores = useStores();
const isPush = ({ method, service }: { method: string; service: string }): boolean =>
  method === 'POST' && service === 'git-receive-pack';

async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => new Error('nothing failed'),
    (error: unknown) => error as Error,
  );
}

/** Every process whose environment says that it works on a cache of this test. */
async function gitProcesses(): Promise<{ commandLine: string; environment: string }[]> {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (environment.includes(`GIT_DIR=${stores.join('cache')}`)) found.push({ commandLine, environment });
  }
  return found;
}

describe('a remote that refuses', () => {
  it.each([
    [401, 'repository-denied'],
    [403, 'repository-denied'],
    [404, 'repository-denied'],
    [301, 'configuration-invalid'],
    [429, 'repository-unavailable'],
    [500, 'repository-unavailable'],
    [503, 'repository-unavailable'],
  ])('with %i is %s, read or written', async (status, code) => {
    const store = await stores.open();
    stores.host.setFault(({ service }) => (service === 'git-receive-pack' ? status : undefined));
    expect(await failureOf(store.publish(publishInput()))).toMatchObject({ code });
    stores.host.setFault(() => status);
    expect(await failureOf(store.head())).toMatchObject({ code });
  });

  it('wrong credentials says so, names no secret and leaves the file as it was', async () => {
    const credentialsFile = await stores.host.writeCredentials(stores.join('wrong'), 'wrong secret/1');
    const before = await readFile(credentialsFile, 'utf8');
    const failure = await failureOf((await stores.open({ credentialsFile })).propose(publishInput()));
    expect(failure).toMatchObject({ code: 'repository-denied' });
    expect(failure.message).toContain('401');
    expect(failure.message).not.toContain('wrong secret');
    expect(await readFile(credentialsFile, 'utf8')).toBe(before);
  });

  it('no credentials at all is denied; a missing file is named', async () => {
    expect(await failureOf((await stores.open({ credentialsFile: undefined })).head())).toMatchObject({
      code: 'repository-denied',
    });
    const failure = await failureOf((await stores.open({ credentialsFile: stores.join('missing') })).head());
    expect(failure).toMatchObject({ code: 'configuration-invalid' });
    expect(failure.message).toContain(stores.join('missing'));
  });

  it('writing only is denied, while reading goes on', async () => {
    const store = await stores.open();
    stores.repository.setReadOnly(true);
    expect(await failureOf(store.propose(publishInput()))).toMatchObject({ code: 'repository-denied' });
    expect(await failureOf(store.publish(publishInput()))).toMatchObject({ code: 'repository-denied' });
    expect(await store.signatures(PATH, digestOf('a'))).toEqual([]);
  });

  it('by a hook passes its message on, without what it says of credentials', async () => {
    const { user, password } = stores.host;
    const basic = Buffer.from(`${user}:${password}`).toString('base64');
    await stores.repository.setPreReceive(
      `echo "main is protected: ask ops; ${password} ${encodeURIComponent(password)} ${basic}" >&2; ` +
        `echo "see https://${user}:x@host/help?token=abc" >&2; exit 1`,
    );
    const failure = await failureOf((await stores.open()).publish(publishInput()));
    expect(failure).toMatchObject({ code: 'repository-denied', branch: 'main' });
    expect(failure.message).toContain('main is protected: ask ops; *** *** ***');
    expect(failure.message).toContain('https://host/help');
    expect(failure.message).not.toMatch(/token|4711/);
  });

  it('the served branch alone lets proposals through', async () => {
    await stores.repository.setPreReceive(
      'while read old new ref; do [ "$ref" != refs/heads/main ] || { echo protected >&2; exit 1; }; done',
    );
    const store = await stores.open();
    const proposal = await store.propose(publishInput());
    const failure = await failureOf(store.publish(publishInput({ proposal })));
    expect(failure).toMatchObject({ code: 'repository-denied' });
    await stores.repository.setPreReceive(undefined);
    await expect(store.publish(publishInput({ proposal }))).resolves.toMatchObject({ alreadyThere: false });
  });
});

describe('a remote that fails', () => {
  it('is unavailable while it is down, and used again afterwards', async () => {
    const store = await stores.open();
    await stores.host.stop();
    expect(await failureOf(store.publish(publishInput()))).toMatchObject({ code: 'repository-unavailable' });
    await stores.host.start();
    await expect(store.publish(publishInput())).resolves.toMatchObject({ alreadyThere: false });
  });

  it('and loses the reply to a push that went through costs nothing', async () => {
    const store = await stores.open();
    stores.host.setFault((request) => (isPush(request) ? 'lose-reply' : undefined));
    const proposal = await store.propose(publishInput());
    expect(await store.publish(publishInput({ proposal }))).toMatchObject({ alreadyThere: false });
    expect(await store.publications(recordOf().reference)).toHaveLength(1);
    await store.discard(proposal);
    expect(await store.proposals()).toEqual([]);
  });

  it('right after a push leaves a publication that the next attempt finds', async () => {
    let isDown = false;
    stores.host.setFault((request) => {
      if (isDown) return 503;
      isDown = isPush(request);
      return isDown ? 'lose-reply' : undefined;
    });
    expect(await failureOf((await stores.open()).publish(publishInput()))).toMatchObject({
      code: 'repository-unavailable',
    });
    stores.host.setFault(() => undefined);
    const store = await stores.open();
    expect(await store.publish(publishInput())).toMatchObject({ alreadyThere: true, numbers: [{ number: 1 }] });
    expect(await store.publications(recordOf().reference)).toHaveLength(1);
  });

  it('between commit and push leaves nothing; the same cache goes on', async () => {
    const cacheDirectory = stores.join('shared-cache');
    stores.host.setFault((request) => (isPush(request) ? 'cut' : undefined));
    const dying = await stores.open({ cacheDirectory });
    expect(await failureOf(dying.publish(publishInput()))).toMatchObject({ code: 'repository-unavailable' });
    stores.host.setFault(() => undefined);
    const store = await stores.open({ cacheDirectory });
    expect(await store.publish(publishInput())).toMatchObject({ alreadyThere: false, numbers: [{ number: 1 }] });
  });

  it('fails every caller of a group, and every one can try again', async () => {
    const store = await stores.open();
    stores.host.setFault((request) => (isPush(request) ? 500 : undefined));
    const inputs = [1, 2, 3].map((number) => numbered(number));
    const failed = await Promise.allSettled(inputs.map((input) => store.publish(input)));
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    stores.host.setFault(() => undefined);
    await Promise.all(inputs.map((input) => store.publish(input)));
    expect(await store.signatures(PATH, digestOf('a'))).toHaveLength(3);
  });
});

describe('an aborted call', () => {
  it.each(['propose', 'publish', 'head'] as const)('of %s ends git at once, with its transport', async (name) => {
    const store = await stores.open();
    let hanging = (): void => undefined;
    const hangs = new Promise<void>((resolve) => (hanging = resolve));
    stores.host.setFault(() => {
      hanging();
      return 'hang';
    });
    const stop = new AbortController();
    const call = { signal: stop.signal };
    const running = name === 'head' ? store.head(call) : store[name](publishInput(), call);
    const failure = failureOf(running);
    await hangs;
    const seen = await gitProcesses();
    expect(seen.length).toBeGreaterThanOrEqual(2);
    const { password } = stores.host;
    for (const text of seen.flatMap(({ commandLine, environment }) => [commandLine, environment])) {
      expect(text).not.toContain(password);
      expect(text).not.toContain(encodeURIComponent(password));
    }
    stop.abort(new Error('shutting down'));
    expect((await failure).message).toBe('shutting down');
    await expect.poll(gitProcesses, { timeout: 5000, interval: 20 }).toEqual([]);
    // And the store is not blocked by what was aborted.
    stores.host.setFault(() => undefined);
    await expect(store.head()).resolves.toMatch(/^[0-9a-f]{40}$/);
  });

  it('does nothing when it was aborted before', async () => {
    const store = await stores.open();
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(store.publish(publishInput(), { signal })).rejects.toThrow('too late');
    await expect(store.propose(publishInput(), { signal })).rejects.toThrow('too late');
    expect(stores.host.requests).toEqual([]);
  });
});
