import { LIST_REMEDY, choice, listOf, section, word } from './sections.ts';
import {
  branchValue,
  countValue,
  durationValue,
  hostPortValue,
  kubernetesNameValue,
  pathValue,
  repositoryDirectoryValue,
  repositoryUrlValue,
  servedAtValue,
  serviceUrlValue,
} from './values.ts';

const endpointsSchema = section(
  {
    api: serviceUrlValue({
      description: 'The API of the cluster, with the secret file token; default: the cluster that the worker runs in',
      example: 'https://api.prod.example.com:6443',
    }).optional(),
    namespace: kubernetesNameValue({ description: 'Namespace of the Service', example: 'signature-server' }),
    service: kubernetesNameValue({ description: 'Name of the Service' }),
    port: countValue({
      description: 'The port on which the pods listen; needed where they have several',
      expected: 'a port from 1 to 65535',
      remedy: 'write the number of the port, without quotes',
      example: 8080,
      least: 1,
      most: 65_535,
    }).optional(),
    scheme: word(['http', 'https'], {
      description: 'How the pods talk where a router ends TLS before them; default: as servedAt does',
      expected: 'http or https',
      remedy: 'leave it out where the pods talk as servedAt does',
      example: 'http',
    }).optional(),
  },
  {
    description: 'The endpoints of a Kubernetes Service',
    expected: 'a section with namespace and service',
    remedy: 'write both below endpoints',
  },
);

const replicasSchema = choice(
  {
    addresses: listOf(hostPortValue({ description: 'HOST:PORT of one replica' }), {
      description: 'Every replica by its address',
      expected: 'at least one HOST:PORT',
      remedy: LIST_REMEDY,
    }).optional(),
    dns: hostPortValue({
      description: 'A name that resolves to every replica, with the port',
      example: 'signatures.internal:8080',
    }).optional(),
    endpoints: endpointsSchema.optional(),
  },
  {
    description: 'The replicas behind servedAt; each of them must serve a signature before a promotion goes on',
    expected: 'exactly one of addresses, dns and endpoints',
    remedy: 'keep one of them; leave replicas out where they cannot be reached one by one',
  },
);

const repositorySchema = section(
  {
    url: repositoryUrlValue({ description: 'The git repository that keeps the signatures' }),
    branch: branchValue({ description: 'The served branch' }).default('main'),
    directory: repositoryDirectoryValue({ description: 'The served folder in it' }).default('images'),
  },
  {
    description: 'The signature repository',
    expected: 'a section with url, branch and directory',
    remedy: 'write url: https://HOST/PATH.git below repository',
  },
);

/** Where signatures are kept and served, and whose count. */
export const signaturesSchema = section(
  {
    publicKeys: listOf(pathValue({ description: 'A file of public keys' }), {
      description: 'Whose signatures count here: files of public keys',
      expected: 'a list of at least one file of public keys',
      remedy: LIST_REMEDY,
    }),
    repository: repositorySchema,
    servedAt: servedAtValue({ description: 'The one address under which clusters read the signatures' }),
    replicas: replicasSchema.optional(),
    minimumValidity: durationValue({
      description: 'How long the signing key must outlive the deadline of the gate',
      least: '1 minute',
      most: '3650 days',
    }).default('30 days'),
  },
  {
    description: 'Signatures of this environment',
    expected: 'a section with publicKeys, repository and servedAt',
    remedy: 'write these keys below signatures, indented by two more blanks',
  },
);
