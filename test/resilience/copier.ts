/**
 * One copy in a process of its own, so that it can be killed. Arguments: source, target, and the uploads that an
 * earlier process reported, as JSON. Out: each progress report, then `{ result }`.
 */
import { copyImage, createRegistryClient } from '../../activities/oci/index.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import type { OpenUploadRef } from '../../workflows/domain/steps.ts';

const [source = '', target = '', uploads = '[]'] = process.argv.slice(2);
const client = createRegistryClient();
const { domain, path } = parseReference(target);
const result = await copyImage({
  source: { client, reference: parseReference(source) },
  target: { client, repository: { domain, path } },
  untrustedUploads: JSON.parse(uploads) as OpenUploadRef[],
  onProgress: (progress) => process.send?.({ progress }),
});
await client.close();
process.send?.({ result, peakMiB: process.resourceUsage().maxRSS / 1024 });
process.disconnect();
