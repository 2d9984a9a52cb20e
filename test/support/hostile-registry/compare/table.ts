/** The verdicts as Markdown. */
import type { Behaviour, Probe, Threat } from '../behaviour.ts';
import type { Verdict } from './verdict.ts';

export interface HostileRow {
  readonly behaviour: Behaviour;
  readonly probe: Probe;
  /** In the order of the clients. */
  readonly verdicts: readonly Verdict[];
}

const MARKS: Readonly<Record<Verdict['is'], string>> = {
  sound: 'sound',
  lenient: 'lenient',
  unsound: '**UNSOUND**',
  'not run': '–',
};

/** Counts first, then every behaviour. */
export function hostileReport(clients: readonly string[], rows: readonly HostileRow[]): string {
  const head = (first: readonly string[]): string[] => [
    line([...first, ...clients]),
    line([...first, ...clients].map(() => '---')),
  ];
  const threats = [...new Set(rows.map(({ behaviour }) => behaviour.threat))];
  return [
    '# A hostile registry, met by several clients',
    '',
    ...INTRODUCTION,
    '',
    '## Unsound, of those that were run',
    '',
    ...head(['attack']),
    ...threats.map((threat) => line([threat, ...clients.map((_, at) => countOf(rows, threat, at))])),
    line(['**all**', ...clients.map((_, at) => countOf(rows, undefined, at))]),
    '',
    '## Every behaviour',
    '',
    ...head(['behaviour', 'the registry …', 'a sound client …']),
    ...rows.map(({ behaviour, probe, verdicts }) => {
      const { name, does, sound } = behaviour;
      return line([
        `${name} (${probe})`,
        does,
        sound,
        ...verdicts.map(({ is, why }) => (why === '' ? MARKS[is] : `${MARKS[is]}: ${why}`)),
      ]);
    }),
    '',
  ].join('\n');
}

const INTRODUCTION = [
  'Every behaviour is one that a client may meet, served by the same server; `npm run bench -- hostile` makes this table.',
  'Others pull, push or list through a proxy that stands for the internet, over TLS, with a login for the registry and none',
  'elsewhere. Unsound: a secret, or (where nobody may be asked) any request, to another origin; more than 32 MiB beyond',
  'what the program takes at a good registry; still reading a flood after 20 s; accepted although it must be refused. The token protocol',
  'lets clients ask whatever realm a registry names: programs that send their password there do what it says, and are',
  'unsound by this measure. Lenient: read in spite of it, where the bytes are checked or the program asks for them, or still trying after 20 s. What',
  'needs names that resolve as an attacker wants, time limits of a client, or another TLS was met by ours alone (–).',
];

function countOf(rows: readonly HostileRow[], threat: Threat | undefined, at: number): string {
  const verdicts = rows
    .filter(({ behaviour }) => threat === undefined || behaviour.threat === threat)
    .map((row) => row.verdicts[at]);
  const run = verdicts.filter((one) => one !== undefined && one.is !== 'not run');
  return run.length === 0 ? '–' : `${run.filter((one) => one?.is === 'unsound').length} of ${run.length}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells
    .map((cell) =>
      cell
        .replace(/\p{Cc}/gu, ' ')
        .replaceAll('|', '\\|')
        .replaceAll('\\\\', '\\'),
    )
    .join(' | ')} |`;
}
