import { z } from 'zod';

import { environmentSchema } from './environment-schema.ts';
import { describeValue } from './quoting.ts';
import { listOf, section } from './sections.ts';
import { durationValue, environmentNameValue, hostPortValue, kubernetesNameValue, pathValue } from './values.ts';

const temporalSchema = section(
  {
    address: hostPortValue({ description: 'HOST:PORT of the server', example: '127.0.0.1:7233' }).default(
      '127.0.0.1:7233',
    ),
    namespace: kubernetesNameValue({ description: 'The namespace', example: 'default' }).default('default'),
    tls: section(
      {
        ca: pathValue({ description: 'Certificates of a private authority', example: 'temporal/ca.crt' }).optional(),
        certificate: pathValue({ description: 'Client certificate', example: 'temporal/client.crt' }).optional(),
        key: pathValue({ description: 'Key of the client certificate', example: 'temporal/client.key' }).optional(),
      },
      {
        description: 'TLS to the server; an empty section uses the authorities of the system',
        expected: 'a section with ca, certificate and key',
        remedy: 'write the files below tls, or tls: {} for the authorities of the system',
      },
    ).optional(),
  },
  {
    description: 'The Temporal server',
    expected: 'a section with address, namespace and tls',
    remedy: 'write address: HOST:PORT below temporal',
  },
);

/** The file `countersign.yaml`; relations between its parts are judged elsewhere. */
export const configurationSchema = section(
  {
    route: listOf(environmentNameValue({ description: 'Name of an environment' }), {
      description: 'The environments in the order in which images are promoted',
      expected: 'a list of environment names',
      remedy: 'write route: [dev, qa, prod]',
    }),
    temporal: temporalSchema.prefault({}),
    secrets: pathValue({
      description: 'Folder with one folder of secret files for each environment',
      example: 'secrets',
    }).default('secrets'),
    stalledFor: durationValue({
      description: 'How long a stalled promotion waits for an operator',
      least: '1 second',
      most: '365 days',
    }).default('30 days'),
    environments: z
      .record(z.string(), environmentSchema, {
        error: ({ input }) =>
          `${describeValue(input)}; expected one section for each environment of the route; write the environments below it, indented by two blanks`,
      })
      .meta({ description: 'The environments by name' }),
  },
  {
    description: 'Configuration of countersign',
    expected: 'a section with route and environments',
    remedy: 'begin with the example configuration',
  },
);

/** The file as written, with the defaults of the schema filled in. */
export type ConfigurationFile = z.output<typeof configurationSchema>;
/** One environment as written, with the defaults of the schema filled in. */
export type EnvironmentFile = z.output<typeof environmentSchema>;
