import { section, word } from './sections.ts';
import { countValue, durationValue, pathValue } from './values.ts';

/** Who must decide; `none` is the other form. */
export const gateSectionSchema = section(
  {
    before: word(['publish', 'sign', 'copy'], {
      description: 'The step before which the decisions are awaited',
      expected: 'publish, sign or copy',
      remedy: 'write one of these words',
      example: 'publish',
    }).default('publish'),
    quorum: countValue({
      description: 'How many persons must approve',
      expected: 'a whole number from 1 to 100',
      remedy: 'write the number without quotes, or write gate: none',
      example: 1,
      least: 1,
      most: 100,
    }).default(1),
    approvers: pathValue({
      description: 'File of the certificates whose user ids may decide',
      example: 'keys/prod-approvers.asc',
    }),
    identity: word(['claimed'], {
      description: 'How a person is known: claimed, a name that is not proven',
      expected: 'identity: claimed',
      remedy:
        'write it out: decisions are not signatures yet, so whoever may send a decision can claim any name, and this weakness must stand here to be seen',
      example: 'claimed',
    }),
    deadline: durationValue({
      description: 'How long the gate waits for its decisions',
      least: '1 second',
      most: '365 days',
    }).default('30 days'),
  },
  {
    description: 'Who must decide before an image becomes usable here',
    expected: 'none, or a section with before, quorum, approvers, identity and deadline',
    remedy: 'write gate: none where nobody has to decide, or name the approvers',
  },
);

/** For a gate that is missing or neither form. */
export const GATE_MESSAGE =
  'expected none, or a section with before, quorum, approvers, identity and deadline; write gate: none where nobody has to decide, or name the approvers: a forgotten gate must not open by itself';
