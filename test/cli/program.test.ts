import { describe, expect, it } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { systemServices } from '../../cli/services.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { aDescription, fakeEngine } from './fake-engine.ts';
import { runFake } from './fixtures.ts';
import { CliError } from '../../cli/failure.ts';
import { ConfigurationError } from '../../worker/configuration/index.ts';

const COMMANDS = [
  ...['start', 'status', 'list', 'watch', 'approve', 'reject', 'retry', 'abort', 'replay', 'tidy', 'up', 'worker'],
  ...[
    'serve-signatures',
    'setup',
    'verify',
    'verify-signature',
    'sign',
    'publish',
    'confirm',
    'confirm-publication',
    'rebuild',
    'copy',
    'config',
    'keys',
    'doctor',
  ],
  ...['trust', 'reference', 'help'],
];

const SUBCOMMANDS = [
  ...['config check', 'config schema', 'keys generate', 'keys show', 'keys export', 'keys import', 'keys check'],
  ...['trust check', 'trust explain', 'trust lookaside', 'trust evaluate', 'reference parse', 'reference compare'],
];

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = fakeTerminal();
  const code = await runFake(args, { terminal, engine: fakeEngine() });
  return { code, out: terminal.out(), err: terminal.err() };
}

describe('the command line', () => {
  it('has every command', () => {
    const program = createProgram({ terminal: fakeTerminal(), services: systemServices, exitCode: EXIT.success });
    expect(program.commands.map((one) => one.name()).sort()).toEqual([...COMMANDS].sort());
  });

  it.each([...COMMANDS, ...SUBCOMMANDS])('shows examples in the help of %s', async (name) => {
    const { code, out } = await run(...name.split(' '), '--help');
    expect(code).toBe(EXIT.success);
    expect(out).toMatch(/\nExamples:\n( {2}countersign .+\n?){1,3}/);
  });

  it('shows its help and version with exit code 0', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, err: '' });
    expect(await run('--version')).toMatchObject({ code: 0, out: '0.1.0\n' });
  });

  it('shows its help on standard error with exit code 2 where no command is given', async () => {
    const { code, out, err } = await run();
    expect({ code, out }).toEqual({ code: EXIT.usage, out: '' });
    expect(err).toContain('Usage: countersign');
  });

  it.each([
    [['staus'], 'Did you mean status?'],
    [['list', '--awaitin', 'prod'], 'Did you mean --awaiting?'],
    [['start', 'a:1', '--too', 'prod'], 'Did you mean --to?'],
    [['approve', 'a:1', '--enviroment', 'prod'], 'Did you mean --environment?'],
    [['start', 'a:1', '--to', 'prd'], 'did you mean prod'],
    [['list', '--state', 'stalledd'], 'did you mean stalled'],
    [['help', 'strat'], 'did you mean start'],
  ])('answers %j with a suggestion and exit code 2', async (args, hint) => {
    const { code, err } = await run(...args);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain(hint);
  });

  it.each([
    [['start', 'shop/web:1'], "required option '--to <environment>' not specified"],
    [['reject', 'x', '--environment', 'prod'], "required option '--reason <text>' not specified"],
    [['status'], "missing required argument 'id'"],
    [['list', '--output', 'yaml'], 'Allowed choices are text, json'],
    [['list', '--limit', 'many'], '--limit: expected 1 to 10000'],
    [['worker'], 'expected either --orchestrate or --environment'],
    [['worker', '--orchestrate', '--environment', 'dev'], 'expected either --orchestrate or --environment'],
    [['start', 'shop/web:1', '--to', 'prod', '--timeout', '5m'], 'are for --wait'],
    [['verify', 'a/b:1', '--policy', 'p', '--key', 'k'], 'expected one of --environment, --policy and --key'],
    [['verify', 'a/b:1', '--key', 'k'], 'belong together'],
    [['sign', 'a/b:1', '--output-dir', 'd'], 'expected --key or --environment'],
    [['keys', 'generate', '--user', 'Ann', '--out', 'd'], 'expected "NAME <MAIL>"'],
    [['up', '--ui-port', '0'], '--ui-port: expected 1 to 65535'],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain(message);
  });

  it('lists every exit code under help exit-codes', async () => {
    const { code, out } = await run('help', 'exit-codes');
    expect(code).toBe(0);
    for (const number of Object.values(EXIT)) expect(out).toMatch(new RegExp(`^ +${number}  \\w`, 'm'));
  });

  it('shows the help of a subcommand under help', async () => {
    expect((await run('help', 'config', 'check')).out).toContain('Usage: countersign config check');
  });

  it('ends with 2 and every problem where the configuration cannot be used', async () => {
    const terminal = fakeTerminal();
    const problem = (path: string) => ({ file: 'c.yaml', line: 3, column: 5, path, message: 'is wrong' });
    const readConfiguration = () => Promise.reject(new ConfigurationError([problem('route'), problem('environments')]));
    const code = await runFake(['list'], { terminal, services: { readConfiguration } });
    expect(code).toBe(EXIT.usage);
    expect(terminal.err()).toContain('c.yaml:3:5: route: is wrong\nc.yaml:3:5: environments: is wrong');
  });

  it('ends with 13 where Temporal does not answer', async () => {
    const terminal = fakeTerminal();
    const error = Object.assign(new Error('no Temporal server answers'), { name: 'TemporalUnreachableError' });
    expect(await runFake(['list'], { terminal, services: { openEngine: () => Promise.reject(error) } })).toBe(
      EXIT.unreachable,
    );
  });

  it('writes errors as JSON where JSON is wanted', async () => {
    const { code, out, err } = await run('status', 'nothing', '--output', 'json');
    expect({ code, out }).toEqual({ code: EXIT.notFound, out: '' });
    expect(JSON.parse(err)).toMatchObject({ error: { exitCode: EXIT.notFound } });
  });

  it('reads the configuration that --config or $COUNTERSIGN_CONFIG names', async () => {
    const files: string[] = [];
    const readConfiguration = (file: string) => {
      files.push(file);
      return Promise.reject(new CliError(EXIT.usage, 'enough'));
    };
    const services = { readConfiguration };
    await runFake(['list'], { terminal: fakeTerminal(), services });
    await runFake(['list'], { terminal: fakeTerminal({ env: { COUNTERSIGN_CONFIG: '/etc/c.yaml' } }), services });
    await runFake(['list', '--config', 'x.yaml'], {
      terminal: fakeTerminal({ env: { COUNTERSIGN_CONFIG: '/e' } }),
      services,
    });
    expect(files).toEqual(['/work/place/countersign.yaml', '/etc/c.yaml', '/work/place/x.yaml']);
  });

  it('closes the connection behind a command that fails', async () => {
    let closed = 0;
    const openEngine = () =>
      Promise.resolve({
        engine: fakeEngine({ descriptions: [aDescription({ execution: 'completed' })] }),
        close: () => Promise.resolve(void (closed += 1)),
      });
    const code = await runFake(['retry', 'shop/web:1.4.2'], { terminal: fakeTerminal(), services: { openEngine } });
    expect({ code, closed }).toEqual({ code: EXIT.refused, closed: 1 });
  });
});
