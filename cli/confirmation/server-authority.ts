import type { Call } from '../call.ts';
import type { HostOptions } from '../commands/registry-options.ts';
import { authorityFor, readHostOptions } from '../images/host-options.ts';

/** Who vouches for the signature server: one more host of which `--ca-file` and `--cert-dir` speak. */
export async function authorityOf(
  { terminal }: Call,
  options: HostOptions,
  servedAt: string,
): Promise<string | undefined> {
  return authorityFor(await readHostOptions(options, terminal), servedAt);
}
