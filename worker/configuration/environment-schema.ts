import { GATE_MESSAGE, gateSectionSchema } from './gate-schema.ts';
import { REBUILD_MESSAGE, rebuildSectionSchema } from './rebuild-schema.ts';
import { registriesSchema } from './registry-options-schema.ts';
import { signaturesSchema } from './signatures-schema.ts';
import { LIST_REMEDY, listOf, noneOr, section } from './sections.ts';
import { countValue, durationValue, pathValue, registryValue } from './values.ts';

/** One environment. */
export const environmentSchema = section(
  {
    registry: registryValue({ description: 'Images of this environment live below here' }),
    sources: listOf(registryValue({ description: 'A further place to take images from' }), {
      description: 'Where images may come from besides registry; only in the first environment of the route',
      expected: 'a list of HOST[:PORT][/NAMESPACE…]',
      remedy: LIST_REMEDY,
    }).optional(),
    registries: registriesSchema.optional(),
    secrets: pathValue({
      description: 'Folder of the secret files of this environment; default: its name below the common folder',
      example: '/run/secrets/prod',
    }).optional(),
    copy: section(
      {
        concurrency: countValue({
          description: 'How many blobs are copied at the same time',
          expected: 'a whole number from 1 to 32',
          remedy: 'write the number without quotes',
          example: 4,
          least: 1,
          most: 32,
        }).default(4),
      },
      { description: 'Copying', expected: 'a section with concurrency', remedy: 'write concurrency: 4 below copy' },
    ).prefault({}),
    signatures: signaturesSchema,
    gate: noneOr(gateSectionSchema, GATE_MESSAGE).meta({ description: 'Who must decide; none is written out' }),
    rebuild: noneOr(rebuildSectionSchema, REBUILD_MESSAGE).meta({
      description: 'How the signature server takes up a commit; none is written out',
    }),
    attempts: countValue({
      description: 'How many times a step is tried before the promotion stalls and waits for an operator',
      expected: 'a whole number from 1 to 1000',
      remedy: 'write the number without quotes',
      example: 20,
      least: 1,
      most: 1000,
    }).default(20),
    confirm: section(
      {
        within: durationValue({
          description: 'How long the signature server may take to serve a signature',
          least: '1 second',
          most: '7 days',
        }).default('30 minutes'),
      },
      {
        description: 'Confirmation',
        expected: 'a section with within',
        remedy: 'write within: 30 minutes below confirm',
      },
    ).prefault({}),
  },
  {
    description: 'One environment',
    expected: 'a section with registry, signatures, gate and rebuild',
    remedy: 'write these keys below the name of the environment, indented by two more blanks',
  },
);
