import { createGitSignatureStore } from '../../activities/signature-store/index.ts';
import type { SignatureStore } from '../../activities/signature-store/index.ts';
import type { Call } from '../call.ts';
import { openGitSecrets } from './git-secrets.ts';
import type { GitSecretOptions } from './git-secrets.ts';

/** A signature repository, as the command line names it. */
export interface NamedStore extends GitSecretOptions {
  readonly url: string;
  readonly branch: string;
  /** `.` for the root of the repository. */
  readonly directory: string;
}

const IDENTITY = { name: 'countersign', email: 'countersign@one-step.invalid' };

/**
 * Opens the signature repository that the options name, for this call.
 * @throws CliError `usage`, SignatureStoreError `configuration-invalid`.
 */
export async function openNamedStore(call: Call, options: NamedStore): Promise<SignatureStore> {
  const { url, branch, directory } = options;
  return createGitSignatureStore({
    ...{ url, branch, directory: directory === '.' ? '' : directory, identity: IDENTITY },
    ...(await openGitSecrets(call, options, url)),
    environment: call.terminal.env,
  });
}
