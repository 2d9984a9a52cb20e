import { usageError } from '../failure.ts';
import type { CopyWish, Login } from '../images/copy-between.ts';

/** The options of `copy` as they were written. */
export interface CopyCommandOptions {
  readonly platform?: string;
  readonly all?: boolean;
  readonly withReferrers?: boolean;
  readonly dryRun?: boolean;
  readonly thorough?: boolean;
  readonly jobs?: string;
  readonly limit?: string;
  readonly requestsPerSecond?: string;
  readonly authfile?: string;
  readonly srcAuthfile?: string;
  readonly srcCreds?: string;
  readonly srcCredsFile?: string;
  readonly srcTlsVerify?: string | true;
  readonly destAuthfile?: string;
  readonly destCreds?: string;
  readonly destCredsFile?: string;
  readonly destTlsVerify?: string | true;
  readonly plainHttp?: readonly string[];
  readonly caFile?: readonly string[];
  readonly certDir?: string;
  readonly tokenServer?: readonly string[];
}

const MAX_JOBS = 64;
/** Slower than the slowest source that is waited for. */
const SLOWEST = 4096;
const RATE = /^(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]*)(?:\/s)?$/i;
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
};

/**
 * Reads the options of `copy`.
 * @throws CliError `usage`, naming the option.
 */
export function readCopyFlags(source: string, target: string, options: CopyCommandOptions): CopyWish {
  const { platform, jobs, limit, requestsPerSecond, withReferrers = false, dryRun = false, thorough = false } = options;
  refuseSecret('--src-creds', options.srcCreds);
  refuseSecret('--dest-creds', options.destCreds);
  const one = platform === 'all' ? undefined : platform;
  if (one !== undefined && options.all === true) throw usageError('expected --all or --platform, not both');
  return {
    source,
    target,
    withReferrers,
    dryRun,
    thorough,
    ...sidesOf(options),
    skipsVerification: {
      source: !isVerified('--src-tls-verify', options.srcTlsVerify),
      target: !isVerified('--dest-tls-verify', options.destTlsVerify),
    },
    ...(one !== undefined && { platform: one }),
    ...(jobs !== undefined && { jobs: readNumber('--jobs', jobs, { most: MAX_JOBS, whole: true }) }),
    ...(limit !== undefined && { bytesPerSecond: parseRate(limit) }),
    ...(requestsPerSecond !== undefined && {
      requestsPerSecond: readNumber('--requests-per-second', requestsPerSecond, { most: 10_000, whole: false }),
    }),
  };
}

/**
 * Bytes per second: `20MiB`, `500kB`; K, M and G alone count as curl and wget count them.
 * @throws CliError `usage`.
 */
export function parseRate(text: string): number {
  const [, number = '', unit = ''] = RATE.exec(text.trim()) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const rate = number === '' || factor === undefined ? Number.NaN : Math.floor(Number(number) * factor);
  if (rate >= SLOWEST) return rate;
  throw usageError(`--limit: expected bytes per second such as 20MiB or 500kB, at least 4KiB`);
}

function refuseSecret(option: string, secret: string | undefined): void {
  if (secret === undefined) return;
  throw usageError(
    `${option}: others on this machine can read arguments; write USER:PASSWORD to a file, ${option}-file`,
  );
}

function readNumber(option: string, text: string, { most, whole }: { most: number; whole: boolean }): number {
  const value = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (value > 0 && value <= most && (!whole || Number.isInteger(value))) return value;
  throw usageError(`${option}: expected a ${whole ? 'whole ' : ''}number above 0 and up to ${most}`);
}

function isVerified(option: string, value: string | true | undefined): boolean {
  if (value === undefined || value === true || value === 'true') return true;
  if (value === 'false') return false;
  throw usageError(`${option}: expected true or false behind an equals sign, for example ${option}=true`);
}

function sidesOf(options: CopyCommandOptions): Pick<CopyWish, 'hosts' | 'sourceLogin' | 'targetLogin'> {
  const { authfile, srcAuthfile, srcCredsFile, destAuthfile, destCredsFile } = options;
  const { plainHttp, caFile, certDir, tokenServer } = options;
  return {
    hosts: {
      ...(plainHttp && { plainHttp }),
      ...(caFile && { caFile }),
      ...(certDir !== undefined && { certDir }),
      ...(tokenServer && { tokenServer }),
    },
    sourceLogin: login(srcAuthfile ?? authfile, srcCredsFile, ['--src-authfile', '--src-creds-file']),
    targetLogin: login(destAuthfile ?? authfile, destCredsFile, ['--dest-authfile', '--dest-creds-file']),
  };
}

function login(
  authfile: string | undefined,
  credsFile: string | undefined,
  [authOption, credsOption]: readonly [string, string],
): Login {
  if (credsFile !== undefined) return { kind: 'creds', file: credsFile, option: credsOption };
  return authfile === undefined ? { kind: 'own' } : { kind: 'auth', file: authfile, option: authOption };
}
