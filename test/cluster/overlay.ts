/** Overlays over worker/kubernetes, as an operator writes them, and what they need beside them. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { kube } from './pods.ts';
import type { TrustedSite } from './trusted-site.ts';

const MANIFESTS = path.resolve(import.meta.dirname, '../../worker/kubernetes');
const IMAGES = ['countersign', 'httpd'].map((name) => ({ name, newName: 'localhost/countersign', newTag: '1' }));

/** What an overlay takes from the manifests, and changes in them. */
export interface Overlay {
  readonly resources: readonly string[];
  readonly components?: readonly string[];
  readonly patches: readonly unknown[];
}

/** A JSON patch of one object. */
export function patch(kind: string, name: string, operations: readonly unknown[]): unknown {
  return { target: { kind, name }, patch: stringify(operations) };
}

/** Applies an overlay in a namespace. */
export async function applyOverlay(trusted: TrustedSite, namespace: string, overlay: Overlay): Promise<void> {
  const folder = path.join(trusted.site.folder, 'in-cluster', `overlay-${namespace}`);
  await mkdir(folder, { recursive: true });
  const at = (names: readonly string[]): readonly string[] =>
    names.map((name) => path.relative(folder, path.join(MANIFESTS, name)));
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    resources: at(overlay.resources),
    components: at(overlay.components ?? []),
    images: IMAGES,
    patches: overlay.patches,
  };
  await writeFile(path.join(folder, 'kustomization.yaml'), stringify(kustomization));
  await kube(['apply', '-k', folder]);
}

/** A namespace for pods that need no rights. */
export async function createNamespace(name: string): Promise<void> {
  await kube(['create', 'namespace', name]);
  await kube(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted']);
}

/** A Secret of files. */
export async function createSecret(namespace: string, name: string, files: readonly string[]): Promise<void> {
  await kube(['create', 'secret', 'generic', name, '-n', namespace, ...files.map((file) => `--from-file=${file}`)]);
}
