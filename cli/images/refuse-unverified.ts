import type { RegistryOptions } from '../commands/registry-options.ts';
import { usageError } from '../failure.ts';
import { isLoopback } from '../../activities/oci/index.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/**
 * For others, not to verify TLS means two things: no TLS, or TLS with anybody. The first is said with `--plain-http`,
 * and loopback has none anyway; the second would give credentials and images to whoever stands between.
 * @throws CliError `usage`, naming both ways out.
 */
export function refuseUnverified(
  option: string,
  { domain }: Pick<ImageReference, 'domain'>,
  skips: boolean,
  { plainHttp = [], caFile = [] }: Pick<RegistryOptions, 'plainHttp' | 'caFile'>,
): void {
  if (!skips || plainHttp.includes(domain)) return;
  const hasAuthority = caFile.some((pair) => pair.startsWith(`${domain}=`));
  if (!hasAuthority && isLoopback(new URL(`http://${domain}`).hostname)) return;
  throw usageError(
    `${option}=false: TLS that verifies nobody is not offered; for a registry without TLS say --plain-http ${domain}, ` +
      `for one with a private authority --ca-file ${domain}=FILE`,
  );
}
