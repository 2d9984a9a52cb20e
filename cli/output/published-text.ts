import { printable } from './escape.ts';
import type { PublishSummary } from '../publishing/publish-signatures.ts';

const HEADINGS: Readonly<Record<PublishSummary['outcome'], string>> = {
  published: 'published',
  unchanged: 'published already',
  'to-publish': 'to be published',
};

/** What `publish` did, for people. */
export function publishedText(summary: PublishSummary): string {
  const { outcome, image, repository, branch, commit, added, present } = summary;
  const where = `${printable(repository)} ${branch}${outcome === 'published' ? `, commit ${commit ?? ''}` : ''}`;
  return [
    `${HEADINGS[outcome]}: ${image}`,
    `  in ${where}`,
    ...added.map(({ path }) => `  ${path}`),
    ...present.map(({ path }) => `  ${path} (was there)`),
  ].join('\n');
}
