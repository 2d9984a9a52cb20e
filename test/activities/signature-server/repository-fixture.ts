import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';

/** What a commit does to a path: content, content with a mode, or nothing left. */
export type Change = string | Uint8Array | { readonly mode: string; readonly content: string } | null;

export interface CommitOptions {
  readonly branch?: string;
  readonly message?: string;
  /** Begins a new history instead of going on with the branch: a force-push. */
  readonly orphan?: boolean;
}

const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  HOME: '/dev/null',
};

/** A bare repository into which tests commit without a work tree. */
export class TestRepository {
  readonly path: string;
  #time = 1_700_000_000;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(path: string, options: readonly string[] = []): Promise<TestRepository> {
    await mkdir(path, { recursive: true });
    await git(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', ...options, path]);
    return new TestRepository(path);
  }

  /** Commits and moves the branch; returns the commit's id. */
  async commit(changes: Readonly<Record<string, Change>>, options: CommitOptions = {}): Promise<string> {
    const ref = `refs/heads/${options.branch ?? 'main'}`;
    const message = options.message ?? 'Change';
    const before = options.orphan === true ? '' : await this.tip(ref);
    const head = [
      `commit ${ref}`,
      `committer Test <test@example.com> ${(this.#time += 1)} +0000`,
      `data ${Buffer.byteLength(message)}`,
      message,
      ...(before === '' ? [] : [`from ${before}`]),
    ];
    const stream: Buffer[] = [Buffer.from(`${head.join('\n')}\n`)];
    for (const [path, change] of Object.entries(changes)) stream.push(...describeChange(path, change));
    await this.git(
      ['fast-import', '--quiet', '--force', '--done'],
      Buffer.concat([...stream, Buffer.from('\ndone\n')]),
    );
    return await this.tip(ref);
  }

  /** The commit of a ref, empty where there is none. */
  async tip(ref = 'refs/heads/main'): Promise<string> {
    return (await this.git(['for-each-ref', '--format=%(objectname)', ref])).toString().trim();
  }

  git(command: readonly string[], input?: Uint8Array): Promise<Buffer> {
    return git(['--git-dir', this.path, ...command], input);
  }
}

/** Runs git without anybody's configuration. */
export function git(command: readonly string[], input: Uint8Array = Buffer.alloc(0)): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', command, { env: ENVIRONMENT });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out));
      else reject(new Error(`git ${command.join(' ')}: exit ${code}: ${Buffer.concat(err).toString()}`));
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function describeChange(path: string, change: Change): Buffer[] {
  if (change === null) return [Buffer.from(`D ${path}\n`)];
  const isPlain = typeof change === 'string' || change instanceof Uint8Array;
  const mode = isPlain ? '100644' : change.mode;
  const content = Buffer.from(isPlain ? change : change.content);
  // A submodule is a commit id without content.
  if (mode === '160000') return [Buffer.from(`M ${mode} ${content.toString()} ${path}\n`)];
  return [Buffer.from(`M ${mode} inline ${path}\ndata ${content.length}\n`), content, Buffer.from('\n')];
}
