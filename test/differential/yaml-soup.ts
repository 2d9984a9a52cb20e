import type { Random } from './random.ts';

/** What a scanner of YAML turns on, in no order. */
const TOKENS: readonly string[] = [
  ...['docker', 'lookaside', 'sigstore', 'default-docker', 'r.example.com/acme', 'http://s.example.com', 'a', 'b'],
  ...['x: y', '"q"', "'s'", '"a\nb"', "'it''s'", '"\\n"', '"\\x41"', '"\\u0041"', '"\\\n  x"', '"\\\'"'],
  ...[': ', ':\n', ':', '\n', '\n  ', '\n    ', '\n ', ' ', '  ', '\t', '- ', '-', '? ', '?', '{', '}', '[', ']'],
  ...[',', ', ', '&a ', '&b ', '*a', '*b', '<<: *a', '<<', '!!str ', '!!map ', '!!seq ', '! ', '!x ', '!!bool '],
  ...['!<tag:yaml.org,2002:str> ', '!!binary ', '!!null ', '!!int ', '!!merge ', '!!float ', '!!timestamp '],
  ...['|\n', '>\n', '|-\n', '>+\n', '|2\n', '|+1\n', '> # c\n', '# c\n', ' # c\n', '#', '---\n', '--- ', '...\n'],
  ...['%YAML 1.1\n---\n', '%TAG ! tag:x,2000:\n---\n', '~', 'null', 'true', 'yes', '1', '0x1', '08', '2001-02-30'],
  ...['\r\n', '\r', '\u0085', '\u2028', '\ufeff', '@', '`', '%', '|', '>', '"', "'", '!', '&', '*', '\\', ';', '='],
  ...['\u00e9', '\u{1f600}'],
];
/** Each YAML by itself. */
const PIECES: readonly string[] = [
  'docker:\n  r.example.com/acme:\n    lookaside: http://s.example.com\n',
  'default-docker:\n  sigstore: file:///var/s\n',
  'docker:\n  "*.example.com": {lookaside: "http://s.example.com"}\n',
  'x: &a\n  lookaside: http://s.example.com\n',
  'docker: {r.example.com: *a}\n',
  'docker:\n  r.example.com/acme:\n    <<: *a\n',
  'docker:\n- a\n- b: c\n',
  'x:\n  - y\n  -\n    z: 1\n',
  'x: |\n  text\n  more\n\ny: >-\n   folded\n   text\n',
  'x: [a, b, {c: d, e: f}]\n',
  '? x\n: y\n',
  'x: "long\n  quoted"\n',
  "y: 'single\n\n  q'\n",
  'z: plain\n  continued\n   more\n',
];

/** Tokens in no order, or YAML into which a few of them fell. */
export function yamlSoup(random: Random): string {
  if (random.oneIn(2)) return Array.from({ length: 1 + random.below(14) }, () => random.pick(TOKENS)).join('');
  let text = Array.from({ length: 1 + random.below(3) }, () => random.pick(PIECES)).join('');
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(text.length + 1);
    const inserted = random.oneIn(5) ? '' : random.pick(TOKENS);
    text = `${text.slice(0, at)}${inserted}${text.slice(at + (random.oneIn(2) ? random.below(4) : 0))}`;
  }
  return text;
}
