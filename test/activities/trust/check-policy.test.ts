import { describe, expect, it } from 'vitest';
import { checkPolicy } from '../../../activities/trust/index.ts';

const check = (text: string) => checkPolicy(Buffer.from(text));
const signedBy = (more: object = {}): object => ({ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k', ...more });
const warningsOf = (policy: object): string[] =>
  check(JSON.stringify(policy)).warnings.map(({ place, message }) => `${place}: ${message}`);
const inDocker = (scope: string): object => ({
  default: [{ type: 'reject' }],
  transports: { docker: { [scope]: [signedBy()] } },
});

describe('checkPolicy', () => {
  it('names everything that is wrong, where it stands, in the order of the file', () => {
    const { policy, problems } = check(`{
  "default": [{"type": "reject", "x": 1}],
  "default": [],
  "transports": {
    "docker": {
      "r.example.com": [
        {"type": "signedBy", "keyType": "gpg", "keyPath": ""},
        {"type": "signedBy", "keyType": "GPGKeys", "keyData": "???",
         "signedIdentity": {"type": "exactReference", "dockerReference": "busybox"}}
      ]
    },
    "dir": {"relative": null}
  },
  "more": true
}`);
    expect(policy).toBeUndefined();
    expect(problems.map(({ line, column, place }) => `${line}:${column} ${place}`)).toEqual([
      '2:39 default[0].x',
      '3:14 default',
      '7:41 transports.docker["r.example.com"][0].keyType',
      '7:59 transports.docker["r.example.com"][0].keyPath',
      '8:63 transports.docker["r.example.com"][1].keyData',
      '9:74 transports.docker["r.example.com"][1].signedIdentity.dockerReference',
      '12:25 transports.dir.relative',
      '12:25 transports.dir.relative',
      '14:11 more',
    ]);
  });

  it.each([
    ['{"default":[{"type":"reject"}],\n  "transports": }', 2, 17],
    ['', 1, 1],
    ['{"default":\n\n[}', 3, 2],
  ])('gives line and column of what is no JSON: %j', (text, line, column) => {
    expect(check(text)).toMatchObject({ problems: [{ place: '', line, column }], warnings: [] });
  });

  it('says nothing against a policy that is right', () => {
    expect(check(JSON.stringify(inDocker('r.example.com:5000/acme')))).toMatchObject({ problems: [], warnings: [] });
  });

  it.each([
    ['busybox', /no image has this scope.*docker\.io\/library\/busybox$/],
    ['acme/web:1', /here docker\.io\/acme\/web:1$/],
    ['index.docker.io/acme', /here docker\.io\/library\/acme|here docker\.io/],
    ['*.example.com:5000', /without port and path/],
    ['https://r.example.com', /no image has this scope/],
    ['r.example.com/acme/', /no image has this scope/],
    [`r.example.com/a:1@sha256:${'a'.repeat(64)}`, /no image has this scope/],
    ['docker.io/busybox', /official image is docker\.io\/library\/busybox/],
  ])('warns of the scope %s', (scope, message) => {
    expect(warningsOf(inDocker(scope)).join('\n')).toMatch(message);
  });

  it.each(['docker.io/library', 'localhost', '*.example.com', 'r.example.com/acme/web:1', 'R.example.com:5000'])(
    'takes the scope %s as it is',
    (scope) => expect(warningsOf(inDocker(scope))).toEqual([]),
  );

  it.each<[object[], RegExp]>([
    [[signedBy({ keyPath: 'k' })], /default\[0\]: the key path "k" is relative/],
    [[{ type: 'signedBy', keyType: 'GPGKeys', keyPaths: [] }], /names no key/],
    [[signedBy({ keyType: 'X509Certificates' })], /no reader implements/],
    [[signedBy({ signedIdentity: { type: 'matchRepository' } })], /one tag stand for every other/],
    [[signedBy(), signedBy()], /^default: .*keyPaths/],
    [[signedBy(), { type: 'reject' }], /default\[1\]: .*in vain/],
    [[{ type: 'sigstoreSigned', keyPath: '/k' }], /not evaluated here/],
    [[{ type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } }], /refuses every image/],
  ])('warns of what can hardly be meant: %j', (list, message) => {
    expect(warningsOf({ default: list }).join('\n')).toMatch(message);
  });
});
