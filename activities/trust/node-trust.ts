// What a node needs in order to judge as we do, as data: who writes it where, as files, a MachineConfig or a play, comes after.
import { posix } from 'node:path';
import { quote } from '../../workflows/domain/digest.ts';
import { TrustError } from './error.ts';
import { generatePolicy, publicPackets } from './generate-policy.ts';
import type { PolicyOptions } from './generate-policy.ts';

/** One environment's trust, with the contents of its public files. */
export interface NodeTrustInput extends PolicyOptions {
  readonly environment: string;
  readonly registry: string;
  readonly servedAt: string;
  /** Every certificate in them counts; a rotation has two. */
  readonly keys: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Where the files will lie on the node; absolute. */
  readonly nodePath: string;
  /** `host[:port]` of registries without TLS. */
  readonly plainHttp?: readonly string[];
  /** Certificates of private authorities, by `host[:port]` of the registry that they vouch for. */
  readonly authorities?: readonly { readonly host: string; readonly pem: string }[];
}

/** A file for the node, by its path below `nodePath`. */
export interface NodeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * The files of an environment's nodes, what names others last. The keys are one binary file, however many they are:
 * every reader reads it whole, also those that know no `keyPaths`.
 * @throws TrustError `configuration-invalid`.
 */
export function generateNodeTrust(input: NodeTrustInput): readonly NodeFile[] {
  const { environment, registry, servedAt, keys, nodePath } = input;
  if (!posix.isAbsolute(nodePath) || posix.resolve(nodePath) !== nodePath || /[\0\n\r]/.test(nodePath)) {
    throw new TrustError(
      'configuration-invalid',
      `node path ${quote(nodePath)}: expected an absolute path in short form`,
    );
  }
  const keyFile = `keys/countersign-${environment}.gpg`;
  const packets = keys.map(({ bytes }) => publicPackets(bytes, registry));
  const trusted = { registry, servedAt, keys: [{ fileName: keyFile }], keyDirectory: nodePath };
  const { policyJson, registriesD } = generatePolicy([trusted], input);
  return [
    { path: keyFile, bytes: Buffer.concat(packets) },
    ...(input.authorities ?? []).map(({ host, pem }) => text(`certs.d/${host}/countersign.crt`, pem)),
    ...insecureRegistries(input),
    text(`registries.d/countersign-${environment}.yaml`, registriesD),
    text('policy.json', policyJson),
  ];
}

/** Without this CRI-O asks for TLS. It is TOML, of which a quoted ASCII host is the same as in JSON. */
function insecureRegistries({ environment, plainHttp = [] }: NodeTrustInput): NodeFile[] {
  if (plainHttp.length === 0) return [];
  const entries = [...plainHttp]
    .sort()
    .map((host) => `[[registry]]\nlocation = ${JSON.stringify(host)}\ninsecure = true\n`);
  return [text(`registries.conf.d/countersign-${environment}.conf`, entries.join('\n'))];
}

function text(path: string, content: string): NodeFile {
  return { path, bytes: Buffer.from(content) };
}
