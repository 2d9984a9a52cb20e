import { describe, expect, it } from 'vitest';

import { formatProblem } from '../../worker/configuration/index.ts';
import { broken, problemsOf } from './configuration-mistakes.ts';

describe('the syntax of the configuration', () => {
  it.each([
    ['a tab', 'route: [dev]\nenvironments:\n\tdev:\n', /^c.yaml:3:1: a tab is used for indentation;.*two blanks/],
    ['a tab after blanks', 'a:\n  b:\n  \tc: 1\n', /a tab is used for indentation/],
    ['wrong indentation', 'a:\n    b: 1\n   c: 2\n', /^c.yaml:3:1: the indentation does not fit;.*align/],
    ['a second document', 'route: [dev]\n---\nroute: [dev]\n', /^c.yaml:2:1: a second document begins;.*---/],
    ['a colon in plain text', 'a: b: c\n', /^c.yaml:1:4: a second ": ".*in quotes/],
    ['a missing blank after the colon', 'a:\n  b:1\n  c: 2\n', /^c.yaml:2:3: a key without a value;.*blank/],
    ['an open quote', 'a: "x\n', /^c.yaml:2:1: missing closing.*expected valid YAML; add/],
    ['an open bracket', 'a: [b\nc: d\n', /^c.yaml:2:1: /],
    ['a reserved character', 'a: @b\n', /^c.yaml:1:4: .*reserves;.*quotes/],
    ['an alias without anchor', 'a: *x\n', /alias \*x has no anchor/],
    ['a section as a key', '? [a]\n: b\n', /list or section is used as a key/],
    ['a dangerous key', '__proto__: { a: 1 }\n', /__proto__.* this key is not allowed/],
    ['an empty file', '# nothing\n', /^c.yaml:1:1: the file has no sections/],
    ['a list', '- dev\n', /the file has no sections/],
  ])('refuses %s', (_name, text, expected) => {
    const problems = problemsOf(text).map(formatProblem);
    expect(problems[0]).toMatch(expected);
    expect(problems.length).toBe(1);
  });

  it('bounds what aliases multiply', () => {
    const levels = Array.from({ length: 9 }, (_, level) => {
      const items = level === 0 ? 'x' : `*l${level - 1}`;
      return `l${level}: &l${level} [${Array.from({ length: 10 }, () => items).join(', ')}]`;
    });
    const started = performance.now();
    expect(problemsOf(levels.join('\n'))[0]?.message).toContain('too many values');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it.each(['[', '{a: ', '{', '- ', '? ', 'a: &a [', '- - a: '])(
    'refuses a depth that would end the process: %s',
    (piece) => {
      for (const times of [101, 3_000, 20_000]) {
        const [problem, ...others] = problemsOf(piece.repeat(times));
        expect(problem?.message).toContain('nested too deeply');
        expect(others).toEqual([]);
      }
    },
  );

  it('refuses a depth in which every bracket is closed', () => {
    expect(problemsOf(`a: ${'['.repeat(40)}${']'.repeat(40)}`)[0]?.message).toContain('nested too deeply');
  });

  it('survives an alias inside its own anchor', () => {
    expect(problemsOf('route: &a [*a]\n')[0]?.message).toContain('nested too deeply');
  });

  it('refuses a tag at its place', () => {
    const text = broken('stalledFor: 30 days', 'stalledFor: !env STALLED');
    const problems = problemsOf(text).map(({ line, message }) => `${text.split('\n')[line! - 1] ?? ''} ${message}`);
    expect(problems[0]).toMatch(/^stalledFor: !env STALLED a YAML tag .*remove the tag/);
  });

  it('shows a duplicate key together with everything else', () => {
    const problems = problemsOf(broken('stalledFor: 30 days', 'stalledFor: soon\nstalledFor: later\nfoo: 1'));
    expect(problems.map(({ message }) => message.split(';')[0])).toEqual([
      '"later" is not a duration',
      'this key stands twice in the same section',
      'unknown key',
    ]);
  });

  it('never shows a line of the file that does not parse', () => {
    const text = 'a: "x\npassword: hunter2\n  b: [hunter2\n\t- hunter2: @hunter2';
    expect(problemsOf(text).map(formatProblem).join('\n')).not.toContain('hunter2');
  });
});
