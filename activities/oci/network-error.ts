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

/** What a server says in TLS that wants to know who we are, and does not learn it. */
const NO_CLIENT_CERTIFICATE =
  /^ERR_SSL_(?:TLSV13_ALERT_CERTIFICATE_REQUIRED|(?:SSLV3|TLSV1)_ALERT_(?:BAD_CERTIFICATE|HANDSHAKE_FAILURE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED))$/;
/** undici says no more where a proxy refuses a tunnel. */
const PROXY_STATUS = /^Proxy (?:response|Authentication Required) \((\d{3})\)/;

/**
 * Tells whether one side could not prove to the other who it is; asking again changes nothing, asking in clear is no
 * answer.
 */
export function isTrustProblem(error: unknown): boolean {
  const code = codeOf(error);
  if (proxyStatusOf(error) === '407') return true;
  return code !== undefined && (TRUST_PROBLEMS.has(code) || NO_TLS.has(code) || NO_CLIENT_CERTIFICATE.test(code));
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
  if (code !== undefined && NO_CLIENT_CERTIFICATE.test(code))
    return `it does not take the certificate it is shown, or wants one (${code}); configure a client certificate`;
  const status = proxyStatusOf(error);
  if (status === '407') return 'the proxy wants other credentials than it gets (status 407)';
  if (status !== undefined) return `the proxy refused a tunnel with status ${status}`;
  if (error.message === '') return code ?? error.name;
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}

function proxyStatusOf(error: unknown): string | undefined {
  return error instanceof Error ? PROXY_STATUS.exec(error.message)?.[1] : undefined;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : codeOf(cause);
}
