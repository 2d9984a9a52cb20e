import { choice, section, word } from './sections.ts';
import { countValue, durationValue, kubernetesNameValue, pathValue, serviceUrlValue, switchValue } from './values.ts';

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

/** How the signature server is told; `none` is the other form. */
export const rebuildSectionSchema = choice(
  {
    webhook: section(
      {
        url: serviceUrlValue({ description: 'Where the push event is sent' }),
        secret: switchValue({ description: 'Whether the secret file webhook-secret must be there' }).optional(),
      },
      {
        description: 'A push event in the shape of GitHub',
        expected: 'a section with url',
        remedy: 'write url: https://HOST/PATH below webhook',
      },
    ).optional(),
    rollout: section(
      {
        api: serviceUrlValue({
          description:
            'The API of the cluster, with the secret file token; default: the cluster that the worker runs in',
          example: 'https://api.prod.example.com:6443',
        }).optional(),
        namespace: kubernetesNameValue({ description: 'Namespace of the Deployment' }),
        deployment: kubernetesNameValue({ description: 'Name of the Deployment' }),
      },
      {
        description: 'A restart of a Deployment whose pods take up the branch when they start',
        expected: 'a section with namespace and deployment',
        remedy: 'write both below rollout',
      },
    ).optional(),
    openshiftBuild: section(
      {
        api: serviceUrlValue({
          description: 'The API of the cluster',
          example: 'https://api.prod.example.com:6443',
        }),
        namespace: kubernetesNameValue({ description: 'Namespace of the BuildConfig' }),
        buildConfig: kubernetesNameValue({ description: 'Name of the BuildConfig' }),
      },
      {
        description: 'A build on OpenShift; needs the secret file token',
        expected: 'a section with api, namespace and buildConfig',
        remedy: 'write all three below openshiftBuild',
      },
    ).optional(),
  },
  {
    description: 'How the signature server is told of a new commit',
    expected: 'none, or exactly one of webhook, rollout and openshiftBuild',
    remedy: 'write rebuild: none where the server looks by itself, or keep one of them',
  },
);

/** For a rebuild that is missing or neither form. */
export const REBUILD_MESSAGE =
  'expected none, or a section with webhook, rollout or openshiftBuild; write rebuild: none where the signature server looks for new commits by itself';
