import { z } from 'zod';

import { refuseServiceUrl } from './addresses.ts';
import { describeValue } from './quoting.ts';
import { LIST_REMEDY, listOf, section } from './sections.ts';
import { pathValue, switchValue, textValue } from './values.ts';

const HOSTS_MESSAGE = 'expected one section for each HOST[:PORT]; write "HOST:PORT": { ca: FILE }';
const PAIR_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,58}[a-z0-9])?$/;

const tokenServerValue = textValue({
  description: 'Where else a credential for this registry may go when it asks for a token',
  expected: 'an https URL of host and port alone',
  remedy:
    'write https://HOST[:PORT], as the realm of the challenge begins, without its path; plain http is only for loopback',
  example: 'https://gitlab.example.com',
  refuse: (text) => {
    const wrong = refuseServiceUrl(text);
    if (wrong !== undefined) return wrong;
    return new URL(text).pathname === '/' ? undefined : 'has a path, which does not count';
  },
});

const clientCertificateValue = textValue({
  description: 'Name of a certificate in the secrets folder (NAME.crt, NAME.key) that this host is shown when it asks',
  expected: 'the name of two files in the secrets folder, without .crt and .key',
  remedy: 'write it in lower-case letters, digits, . and -, for example tls for tls.crt and tls.key',
  example: 'tls',
  pattern: PAIR_NAME.source,
  refuse: (text) => {
    if (!PAIR_NAME.test(text)) return 'cannot be the name of a certificate';
    if (/\.(?:crt|key)$/.test(text)) return 'is the name of one file';
    return text === 'ca' ? 'is the name of the private authority' : undefined;
  },
});

const registryOptionsSchema = section(
  {
    plainHttp: switchValue({ description: 'Reach this host without TLS; loopback hosts need no leave' }).optional(),
    ca: pathValue({ description: 'Certificates of a private authority', example: 'certificates/ca.crt' }).optional(),
    clientCertificate: clientCertificateValue.optional(),
    tokenServers: listOf(tokenServerValue, {
      description: 'Token servers on other hosts that may have the credential for this registry',
      expected: 'a list of https://HOST[:PORT]',
      remedy: LIST_REMEDY,
    }).optional(),
  },
  {
    description: 'How a registry host is reached',
    expected: 'a section with plainHttp, ca, clientCertificate or tokenServers',
    remedy: 'write plainHttp: true or ca: FILE below the host',
  },
).check((context) => {
  const { plainHttp, ca, clientCertificate } = context.value;
  const refused = ca !== undefined ? 'ca' : clientCertificate !== undefined ? 'clientCertificate' : undefined;
  if (plainHttp !== true || refused === undefined) return;
  const message = `has plainHttp and ${refused}; expected one of them, for plain http has no certificates; remove plainHttp`;
  context.issues.push({ code: 'custom', message, input: context.value });
});

/** Options of registry hosts. */
export const registriesSchema = z
  .record(z.string(), registryOptionsSchema, { error: ({ input }) => `${describeValue(input)}; ${HOSTS_MESSAGE}` })
  .meta({ description: 'Options for single registry hosts, by HOST[:PORT]' });
