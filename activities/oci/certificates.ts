import tls from 'node:tls';
import type { SecureContext } from 'node:tls';
import { RegistryError } from './error.ts';

/** Who vouches for the other side, and how we prove who we are; all in PEM. */
export interface Certificates {
  /** Authorities that vouch for this host, instead of the system's. */
  readonly ca?: string;
  /** Whether the system's authorities count beside `ca`. Default: false. */
  readonly systemCa?: boolean;
  /** Certificate, with its chain, that we show where the host asks for one. */
  readonly clientCertificate?: string;
  /** Its private key, without a passphrase. */
  readonly clientKey?: string;
}

/** Node's own authorities; those of `NODE_EXTRA_CA_CERTS` too where Node tells them (from 22.15 on). */
function systemAuthorities(): readonly string[] {
  const { getCACertificates } = tls as { readonly getCACertificates?: (type: 'default') => readonly string[] };
  return getCACertificates === undefined ? tls.rootCertificates : getCACertificates('default');
}

/**
 * Compiles certificates once for any number of connections; undefined where there is nothing to say.
 * @param host for messages.
 * @throws RegistryError `configuration-invalid`, without a word of what the files hold.
 */
export function secureContextOf(certificates: Certificates, host: string): SecureContext | undefined {
  const { ca, systemCa = false, clientCertificate: cert, clientKey: key } = certificates;
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  const invalid = (why: string): RegistryError =>
    new RegistryError('configuration-invalid', `the certificates configured for ${host} cannot be used: ${why}`);
  // OpenSSL passes over text without certificates, and would then trust nobody.
  if (ca !== undefined && !/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(ca)) {
    throw invalid('expected PEM with -----BEGIN CERTIFICATE----- as ca');
  }
  if ((cert === undefined) !== (key === undefined)) throw invalid('expected client certificate and key together');
  try {
    return tls.createSecureContext({
      ...(ca !== undefined && { ca: systemCa ? [...systemAuthorities(), ca] : ca }),
      ...(cert !== undefined && { cert, key }),
    });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw invalid(`expected PEM, the key without a passphrase and made for the certificate (${code})`);
  }
}
