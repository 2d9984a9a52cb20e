import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../activities/trust/index.ts';
import { ACCEPTED, REFUSED } from './policy-table.ts';

const reject = '[{"type":"reject"}]';

describe('parsePolicy', () => {
  it('reads scopes, keys and identities', () => {
    const policy = parsePolicy(
      Buffer.from(
        `{"default":${reject},"transports":{"docker":{"registry.example.com/acme":[{"type":"signedBy","keyType":"GPGKeys","keyPaths":["a.asc","b.asc"],"signedIdentity":{"type":"remapIdentity","prefix":"registry.example.com","signedPrefix":"vendor.example.com:5000/x"}}],"":[{"type":"insecureAcceptAnything"}]}}}`,
      ),
      'policy.json',
    );
    expect(policy.default).toEqual([{ type: 'reject' }]);
    expect(Object.fromEntries(policy.transports.get('docker')!)).toEqual({
      'registry.example.com/acme': [
        {
          type: 'signedBy',
          keyType: 'GPGKeys',
          keys: { paths: ['a.asc', 'b.asc'] },
          signedIdentity: {
            type: 'remapIdentity',
            prefix: 'registry.example.com',
            signedPrefix: 'vendor.example.com:5000/x',
          },
        },
      ],
      '': [{ type: 'insecureAcceptAnything' }],
    });
  });

  it.each(ACCEPTED)('accepts %s', (_, text) => {
    expect(() => parsePolicy(Buffer.from(text), 'policy.json')).not.toThrow();
  });

  it.each(REFUSED)('refuses the whole file for %s, naming it', (_, text) => {
    expect(() => parsePolicy(Buffer.from(text), '/etc/policy.json')).toThrow(
      expect.objectContaining({
        code: 'configuration-invalid',
        message: expect.stringContaining('"/etc/policy.json"') as string,
      }),
    );
  });
});
