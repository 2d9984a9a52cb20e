/** The triggers, offline: kustomize, the interceptors and the templates of Triggers itself. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useTempFolder } from '../support/temp-folder.ts';
import { WEBHOOK_SECRETS, pushCases } from '../support/tekton/push-cases.ts';
import { deliveryOf, pushEventOf } from '../support/tekton/push-deliveries.ts';
import { deliver, kustomize } from '../support/tekton/tekton-validate.ts';
import type { Outcome } from '../support/tekton/tekton-validate.ts';

const TRIGGER = path.resolve(import.meta.dirname, '../../tekton/trigger');
const OVERLAYS = ['kubernetes', 'openshift'] as const;
const SECRETS = { 'signature-webhook': WEBHOOK_SECRETS };

interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly rules?: unknown;
  readonly subjects?: unknown;
}

async function documentsOf(overlay: string): Promise<readonly Document[]> {
  return (await kustomize(path.join(TRIGGER, 'overlays', overlay))) as readonly Document[];
}

/** Of the run that the template makes. */
function workspacesOf(documents: readonly Document[]): unknown {
  const template = documents.find(({ kind }) => kind === 'TriggerTemplate');
  const [run] = template?.spec?.['resourcetemplates'] as readonly { spec: { workspaces: unknown } }[];
  return run!.spec.workspaces;
}

function isBalanced(line: string): boolean {
  return line.split('(').length === line.split(')').length;
}

describe('EventListener signatures', () => {
  const cases = pushCases();
  let outcomes: readonly Outcome[];

  beforeAll(async () => {
    const documents = await documentsOf('kubernetes');
    outcomes = await deliver({ documents, secrets: SECRETS, deliveries: cases.map(({ delivery }) => delivery) });
  });

  it.each(cases.map((one, index) => ({ ...one, index })))('$host: $name: fires: $fires', ({ index, fires, commit }) => {
    const { created, refused } = outcomes[index]!;
    expect(created.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(
      fires ? [`PipelineRun signature-server-${commit.slice(0, 40)}`] : [],
    );
    // Of all three triggers that see a delivery, none but the host's own lets it pass, and none fails by a fault of its own.
    expect(Object.keys(refused)).toHaveLength(fires ? 2 : 3);
    for (const reason of Object.values(refused)) expect(reason).not.toMatch(/evaluating cel|parse|no such|failed to/);
  });

  it('has a case of its own for each commit that fires', () => {
    const firing = cases.filter(({ fires }) => fires).map(({ commit }) => commit);
    expect(new Set(firing).size).toBe(firing.length);
  });

  it('needs every line of its filter: without any of them another push passes or fails', async () => {
    const documents = await documentsOf('kubernetes');
    const filter = JSON.stringify(documents).match(/"body\.ref == (?:[^"\\]|\\.)*"/)![0];
    const lines = (JSON.parse(filter) as string).split('\n');
    const conditions = lines.filter((line) => /^\s*(\|\||&&) /.test(line) && isBalanced(line));
    expect(conditions).toHaveLength(17);
    for (const condition of conditions) {
      const spoilt = JSON.stringify(lines.filter((line) => line !== condition).join('\n'));
      const changed = JSON.parse(JSON.stringify(documents).replaceAll(filter, () => spoilt)) as readonly Document[];
      const deliveries = cases.map(({ delivery }) => delivery);
      const others = await deliver({ documents: changed, secrets: SECRETS, deliveries });
      const differing = others.filter(({ created }, index) => created.length !== outcomes[index]!.created.length);
      expect(differing.length, condition).toBeGreaterThan(0);
    }
  });

  it.each(['github', 'gitlab', 'gitea'] as const)('tells the pipeline what %s says', async (host) => {
    const event = pushEventOf(host);
    const [outcome] = await deliver({
      documents: await documentsOf('openshift'),
      secrets: SECRETS,
      deliveries: [deliveryOf(host, event, WEBHOOK_SECRETS[host])],
    });
    const params = outcome!.created[0]!.spec.params;
    expect(Object.fromEntries(params.map(({ name, value }) => [name, value]))).toEqual({
      commit: event.after,
      since: event.before,
      repository: expect.stringMatching(/^https:\/\/[a-z.]+\/acme\/signatures\.git$/),
      branch: 'main',
      directory: 'images',
      method: 'openshift-build',
      target: 'signature-server/signature-server',
      servedAt: 'https://signatures.example.com/images',
      replicas: '',
    });
  });

  it.each([
    ['the branch is new', '0'.repeat(40), '0'.repeat(40)],
    ['the host does not say', undefined, ''],
    ['it is no commit of SHA-1', 'ab12'.repeat(16), ''],
    ['it is not even text', 7, ''],
  ])('hands on the commit before the push as far as it is one: %s', async (_, before, since) => {
    const delivery = deliveryOf('github', { ...pushEventOf('github'), before }, WEBHOOK_SECRETS.github);
    const documents = await documentsOf('kubernetes');
    const [outcome] = await deliver({ documents, secrets: SECRETS, deliveries: [delivery] });
    expect(outcome!.created[0]!.spec.params).toContainEqual({ name: 'since', value: since });
  });

  it('cuts a commit of SHA-256 for the name of the run alone', async () => {
    const after = 'ab12'.repeat(16);
    const [outcome] = await deliver({
      documents: await documentsOf('kubernetes'),
      secrets: SECRETS,
      deliveries: [deliveryOf('github', { ...pushEventOf('github'), after }, WEBHOOK_SECRETS.github)],
    });
    const [run] = outcome!.created;
    expect(run!.metadata.name).toBe(`signature-server-${after.slice(0, 40)}`);
    expect(run!.spec.params).toContainEqual({ name: 'commit', value: after });
  });

  it.each(['github', 'gitlab', 'gitea'] as const)('lets nobody in by an empty secret of %s', async (host) => {
    const delivery = deliveryOf(host, pushEventOf(host), '');
    const secrets = { 'signature-webhook': { ...WEBHOOK_SECRETS, [host]: '' } };
    const [outcome] = await deliver({ documents: await documentsOf('kubernetes'), secrets, deliveries: [delivery] });
    expect(outcome!.created).toEqual([]);
  });

  it('lets nobody in where the Secret, or the key of a host, is missing', async () => {
    const documents = await documentsOf('kubernetes');
    const deliveries = [deliveryOf('github', pushEventOf('github'), WEBHOOK_SECRETS.github)];
    for (const secrets of [{}, { 'signature-webhook': { gitlab: 'x' } }]) {
      const [outcome] = await deliver({ documents, secrets, deliveries });
      expect(outcome!.created).toEqual([]);
      expect(outcome!.refused['github']).toMatch(/not found|cannot find/);
    }
  });
});

describe.each(OVERLAYS)('overlay %s', (overlay) => {
  const folder = useTempFolder();

  it('decides in the same way for every host', async () => {
    const listener = (await documentsOf(overlay)).find(({ kind }) => kind === 'EventListener');
    const triggers = listener?.spec?.['triggers'] as readonly { interceptors: readonly unknown[] }[];
    const last = triggers.map(({ interceptors }) => interceptors.at(-1));
    expect(last).toHaveLength(3);
    expect(new Set(last.map((one) => JSON.stringify(one))).size).toBe(1);
  });

  it('carries every setting to where it belongs, and leaves none of the old ones', async () => {
    const settings: Readonly<Record<string, string>> = {
      namespace: 'elsewhere',
      server: 'httpd-of-prod',
      repository: 'group/sub/trusted',
      branch: 'release/prod',
      directory: 'sigs',
      servedAt: 'https://sig.test/sigs',
      replicas: '10.0.0.1:80',
      host: 'hook.test',
    };
    await cp(TRIGGER, folder.join('trigger'), { recursive: true });
    const file = folder.join('trigger/overlays', overlay, 'settings.yaml');
    let text = await readFile(file, 'utf8');
    for (const [name, value] of Object.entries(settings)) {
      expect(text).toMatch(new RegExp(`^  ${name}: `, 'm'));
      text = text.replace(new RegExp(`^  ${name}: .*$`, 'm'), `  ${name}: ${value}`);
    }
    await writeFile(file, text);
    const documents = (await kustomize(folder.join('trigger/overlays', overlay))) as readonly Document[];
    const made = JSON.stringify(documents);
    for (const value of Object.values(settings)) expect(made).toContain(value);
    for (const old of ['example.com', 'acme', "'main'", '"main"', "'images'", '"images"'])
      expect(made).not.toContain(old);
    const places = documents
      .filter(({ kind }) => !kind.startsWith('Cluster'))
      .map(({ metadata }) => metadata.namespace);
    expect(new Set(places)).toEqual(new Set(['elsewhere']));
    expect(documents.find(({ kind }) => kind === 'ClusterRoleBinding')).toMatchObject({
      metadata: { name: 'countersign-signature-listener.elsewhere' },
      subjects: [{ name: 'signature-listener', namespace: 'elsewhere' }],
    });
    expect(
      documents.find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'signature-rebuild'),
    ).toMatchObject({
      rules: [{ resourceNames: ['httpd-of-prod'] }, ...(overlay === 'openshift' ? [{}, {}] : [])],
    });
    expect(made).toContain('"elsewhere/httpd-of-prod"');
  });

  it('gives a run the workspaces of the components that are switched on, and without them none', async () => {
    expect(workspacesOf(await documentsOf(overlay))).toEqual([]);
    await cp(TRIGGER, folder.join('trigger'), { recursive: true });
    const file = folder.join('trigger/overlays', overlay, 'kustomization.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(/^ {2}# - (\S+).*$/gm, '  - $1'));
    expect(workspacesOf((await kustomize(path.dirname(file))) as readonly Document[])).toEqual([
      { name: 'git-basic-auth', secret: { secretName: 'signature-repository' } },
      { name: 'git-ssh-directory', secret: { secretName: 'signature-repository' } },
      { name: 'ssl-ca-directory', configMap: { name: 'signature-authority' } },
    ]);
  });

  it('applies neither the settings nor a Secret', async () => {
    const kinds = (await documentsOf(overlay)).map(({ kind }) => kind);
    expect(kinds).not.toContain('ConfigMap');
    expect(kinds).not.toContain('Secret');
    expect(kinds).toContain(overlay === 'openshift' ? 'Route' : 'Ingress');
  });
});
