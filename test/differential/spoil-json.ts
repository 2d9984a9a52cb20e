import type { Random } from './random.ts';

/** JSON as it is written: members may repeat, and `raw` may be anything. The name of a member may be raw, too. */
export type Node =
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: Node])[] }
  | { readonly kind: 'array'; readonly items: readonly Node[] }
  | { readonly kind: 'raw'; readonly text: string };

/** A member name that begins with this is written as it stands. */
const RAW = '\u0001';

const VALUES = [
  ...['null', 'true', 'false', '0', '-0', '1', '1e400', '-1e999', '1e-999', '0.1', '123456789012345678901234567890'],
  ...['""', '"x"', '[]', '{}', '[1,2]', '{"a":1}', '{"a":1,"a":2}', '[[]]', '[1e400]', '{"a":[{"b":1e400}]}'],
  ...['nul', 'True', 'undefined', "'x'", '"\\x"', '"\\u12"', '"\\uD83D\\uDE00"', '"\\uD83D"', '"\\uDE00\\uD83D"'],
  ...['"\t"', '"\u007f"', '"\u0080"', '"\u2028"', '1 2', '[1,]', '{"a":1,}', '{,}', '{"a"}', '{a:1}', '[1 2]', ''],
  ...['-', '--1', '1.e1', '1e+', '0e0', '0E-0', '-0.0', '0123', '1_000', '"\\u0000"', '"a\\/b"', '"\\ud800\\u0041"'],
];
const NAMES = [
  ...['critical', 'optional', 'type', 'image', 'identity', 'docker-reference', 'docker-manifest-digest'],
  ...['creator', 'timestamp', 'x', '', 'Critical', 'OPTIONAL', 'Type', 'docker\u2010reference', '__proto__'],
  ...['constructor', 'hasOwnProperty', 'toString', '\ufeffcritical', 'critical ', 'cr\u0131tical', 'K', '\u212a'],
];

/** Changes one place of the tree. */
export function spoil(node: Node, random: Random, steps: string[]): Node {
  if (node.kind === 'raw' || (node.kind === 'object' && random.oneIn(3))) {
    return spoilHere(node, random, steps);
  }
  const count = node.kind === 'object' ? node.members.length : node.items.length;
  if (count === 0) return spoilHere(node, random, steps);
  const chosen = random.below(count);
  if (node.kind === 'array') {
    return { ...node, items: node.items.map((item, at) => (at === chosen ? spoil(item, random, steps) : item)) };
  }
  return {
    ...node,
    members: node.members.map(([name, value], at) =>
      at === chosen ? [name, spoil(value, random, steps)] : [name, value],
    ),
  };
}

function spoilHere(node: Node, random: Random, steps: string[]): Node {
  const replaced = (): Node => {
    const text = random.pick(VALUES);
    steps.push(`value ${text}`);
    return { kind: 'raw', text };
  };
  if (node.kind === 'raw') return random.oneIn(2) ? replaced() : spoilText(node.text, random, steps);
  if (node.kind === 'array') return replaced();
  return (random.pick(MEMBER_CHANGES) ?? replaced)(node, random, steps);
}

type ObjectNode = Extract<Node, { kind: 'object' }>;
type Change = (node: ObjectNode, random: Random, steps: string[]) => Node;

const MEMBER_CHANGES: readonly (Change | undefined)[] = [
  undefined,
  ({ members }, random, steps) => {
    steps.push('drop a member');
    const dropped = random.below(members.length + 1);
    return { kind: 'object', members: members.filter((_, at) => at !== dropped) };
  },
  ({ members }, random, steps) => {
    const name = random.pick(NAMES);
    const text = random.pick(VALUES);
    steps.push(`add ${JSON.stringify(name)}: ${text}`);
    return { kind: 'object', members: insert(members, [name, { kind: 'raw', text }], random) };
  },
  ({ members }, random, steps) => {
    if (members.length === 0) return { kind: 'object', members };
    steps.push('repeat a member');
    const [name, value] = random.pick(members);
    const written = random.oneIn(2) ? name : `${RAW}${escapeSome(name, random)}`;
    return { kind: 'object', members: insert(members, [written, value], random) };
  },
  ({ members }, random, steps) => {
    steps.push('escape names');
    return { kind: 'object', members: members.map(([name, value]) => [`${RAW}${escapeSome(name, random)}`, value]) };
  },
  ({ members }, random, steps) => {
    const chosen = random.below(members.length + 1);
    const name = random.pick(NAMES);
    steps.push(`rename to ${JSON.stringify(name)}`);
    return { kind: 'object', members: members.map(([old, value], at) => [at === chosen ? name : old, value]) };
  },
  ({ members }, random, steps) => {
    steps.push('other order');
    return { kind: 'object', members: random.shuffled(members) };
  },
  (node, random, steps) => {
    const depth = random.pick([1, 3, 100, 199, 500, 2000, 9_990, 9_997, 9_998, 9_999, 10_000, 10_001, 20_000]);
    steps.push(`depth ${depth}`);
    const [open, close] = random.pick([
      ['[', ']'],
      ['{"a":', '}'],
    ] as const);
    const text = `${open.repeat(depth)}${open === '[' ? '' : '1'}${close.repeat(depth)}`;
    return { kind: 'object', members: insert(node.members, ['deep', { kind: 'raw', text }], random) };
  },
  (node, random, steps) => {
    steps.push('two names of half pairs or bad bytes');
    const names = random.pick([
      ['"\\ud800"', '"\\udc00"'],
      ['"\\ud800"', '"\ufffd"'],
      ['"\u0002\u00ff"', '"\u0002\u00fe"'],
      ['"\u0002\u00ff"', '"\ufffd"'],
      ['"\u0002\u00e2\u0002\u0082"', '"\ufffd\ufffd"'],
      ['"\\u004b"', '"K"'],
      ['"K"', '"k"'],
    ]);
    let members = node.members;
    for (const name of names) members = insert(members, [`${RAW}${name}`, { kind: 'raw', text: '1' }], random);
    return { kind: 'object', members };
  },
];

function insert<Item>(items: readonly Item[], item: Item, random: Random): Item[] {
  const at = random.below(items.length + 1);
  return [...items.slice(0, at), item, ...items.slice(at)];
}

function escapeSome(name: string, random: Random): string {
  const letters = Array.from(JSON.stringify(name).slice(1, -1));
  const escaped = letters.map((letter) => {
    const code = letter.charCodeAt(0);
    if (letter.length > 1 || letter === '\\' || letters.includes('\\') || random.oneIn(2)) return letter;
    const hex = code.toString(16).padStart(4, '0');
    return `\\u${random.oneIn(2) ? hex.toUpperCase() : hex}`;
  });
  return `"${escaped.join('')}"`;
}

function spoilText(text: string, random: Random, steps: string[]): Node {
  const at = random.below(text.length + 1);
  const put = random.pick([
    'x',
    '"',
    '\\',
    '\\u0041',
    '\\ud800',
    '\u0001',
    '\u0000',
    '\n',
    ' ',
    '\ufffd',
    '\u0002\u00ff',
    '0',
  ]);
  steps.push(`put ${JSON.stringify(put)}`);
  return { kind: 'raw', text: `${text.slice(0, at)}${put}${text.slice(at + random.below(2))}` };
}

/** The bytes; the letter after U+0002 in raw text is one byte of that number. */
export function writeNode(node: Node, random: Random): Buffer {
  const spaces = random.oneIn(4);
  const space = (): string => (spaces ? random.pick(['', '', ' ', '\n', '\t', '\r', '  ']) : '');
  const write = (part: Node): string => {
    if (part.kind === 'raw') return part.text;
    const join = (items: string[], [open, close]: readonly [string, string]): string =>
      `${open}${space()}${items.join(`${space()},${space()}`)}${space()}${close}`;
    if (part.kind === 'array') return join(part.items.map(write), ['[', ']']);
    const members = part.members.map(([name, value]) => {
      const written = name.startsWith(RAW) ? name.slice(1) : JSON.stringify(name);
      return `${written}${space()}:${space()}${write(value)}`;
    });
    return join(members, ['{', '}']);
  };
  const text = `${space()}${write(node)}${space()}`;
  return Buffer.concat(
    text
      .split('\u0002')
      .map((piece, index) =>
        index === 0
          ? Buffer.from(piece)
          : Buffer.concat([Buffer.from([piece.charCodeAt(0)]), Buffer.from(piece.slice(1))]),
      ),
  );
}

/** Changes bytes, whatever they mean. */
export function spoilBytes(bytes: Buffer, random: Random, steps: string[]): Buffer {
  const at = random.below(bytes.length + 1);
  const [name, changed] = random.pick<readonly [string, () => Buffer]>([
    ['byte order mark', () => Buffer.concat([Buffer.from('\ufeff'), bytes])],
    [
      'something behind',
      () => Buffer.concat([bytes, Buffer.from(random.pick(['x', '{}', ',', '\0', '//', '\u00a0']))]),
    ],
    ['something before', () => Buffer.concat([Buffer.from(random.pick(['x', '[', '\0', '/**/', '\f', '\v'])), bytes])],
    ['cut', () => bytes.subarray(0, at)],
    ['one byte', () => Buffer.concat([bytes.subarray(0, at), random.bytes(1), bytes.subarray(at + 1)])],
    ['a byte more', () => Buffer.concat([bytes.subarray(0, at), random.bytes(1), bytes.subarray(at)])],
    ['a byte less', () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])],
    ['bad UTF-8', () => Buffer.concat([bytes.subarray(0, at), badText(random), bytes.subarray(at)])],
    ['UTF-16', () => Buffer.from(bytes.toString('utf8'), 'utf16le')],
    ['an array', () => Buffer.concat([Buffer.from('['), bytes, Buffer.from(']')])],
  ]);
  steps.push(name);
  return changed();
}

function badText(random: Random): Buffer {
  const forms = ['ff', 'c0af', 'e2', 'e282', 'eda080', 'edb080', 'f4908080', 'f8', '80', 'f09f98', 'c3'];
  return Buffer.from(random.pick(forms), 'hex');
}
