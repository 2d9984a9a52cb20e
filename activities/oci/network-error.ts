const TRUST_PROBLEMS = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);
const NO_TLS = new Set(['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);

/** Tells whether the other side could not prove who it is; asking again changes nothing, asking in clear is no answer. */
export function isTrustProblem(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (TRUST_PROBLEMS.has(code) || NO_TLS.has(code));
}

/** The reason of a failed exchange in a few words: never more than code and message of the network error. */
export function describeNetworkError(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'an unknown network error';
  const code = codeOf(error);
  if (error.name === 'TimeoutError' || /TIMEOUT/.test(code ?? '')) return `nothing heard within ${timeoutMs} ms`;
  if (code !== undefined && TRUST_PROBLEMS.has(code))
    return `its certificate is not trusted (${code}); configure its ca`;
  if (code !== undefined && NO_TLS.has(code))
    return `it does not speak TLS (${code}); configure plainHttp if that is meant`;
  if (error.message === '') return code ?? error.name;
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : codeOf(cause);
}
