import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { Block } from './documentation.js';

/** Folders that documented commands write to or change into: these are copied, all others are linked. */
const COPIED = ['examples', 'prometheus', 'docs'];

/** A separate checkout for documented commands, which shows the files that they create. Its state folder has the usual name. */
export function checkout(): { folder: string; state: string; createdFiles(): string[] } {
  const folder = mkdtempSync(join(temporaryFolder(), 'checkout-'));
  for (const name of readdirSync(REPOSITORY)) {
    if (name === '.lamplighter' || name === '.git') continue;
    if (COPIED.includes(name)) cpSync(join(REPOSITORY, name), join(folder, name), { recursive: true });
    else symlinkSync(join(REPOSITORY, name), join(folder, name));
  }
  const state = join(folder, '.lamplighter');
  mkdirSync(state, { mode: 0o700 });
  const files = () =>
    readdirSync(folder).flatMap((name) =>
      COPIED.includes(name) ? (readdirSync(join(folder, name), { recursive: true }) as string[]) : [name],
    );
  const before = new Set(files());
  return { folder, state, createdFiles: () => files().filter((file) => !before.has(file)) };
}

/** The result of running a block. */
export interface BlockResult {
  readonly block: Block;
  /** Its stdout and stderr. */
  readonly output: string;
  /** Commands that failed, with their exit codes. */
  readonly failed: readonly string[];
  /** False if the shell did not reach the end of the block. */
  readonly ended: boolean;
}

/**
 * Redefines commands for the test: an HTTP status of 400 or above is a failure, a stream ends after some seconds, and docker does nothing,
 * because another test covers containers. A grep without a match is not a failure. A pause of 5 s or more waits for a program to start,
 * which takes longer on a busy machine, so it is three times as long.
 */
const PREAMBLE = `
set -E
failed() {
  case $2 in
    source*) return;; # its failures are already recorded
    grep*|*'| grep'*) [ "$1" -eq 1 ] && return;;
  esac
  echo "exit code $1: $2" >> "$PLACE.failed"
}
trap 'failed $? "$BASH_COMMAND"' ERR
curl() {
  case " $* " in
    *' -N '*) command curl --fail-with-body --max-time 3 "$@" || [ $? -eq 28 ];;
    *) command curl --fail-with-body "$@";;
  esac
}
docker() { echo 'docker is not run here'; }
sleep() { command sleep "$(($1 < 5 ? $1 : 3 * $1))"; }
`;

/** A shell that runs the blocks of pages. */
export interface Shell {
  /** Settles when all blocks have run; background blocks continue. */
  readonly done: Promise<void>;
  /** The results so far. */
  results(): BlockResult[];
  /** Kills the shell and all its child processes. */
  stop(): void;
}

/** Runs pages in a shell: first the common blocks, then all pages in parallel. */
export function runInShell(
  setting: { folder: string; env: Record<string, string>; adapt: (text: string) => string },
  commonBlocks: readonly Block[],
  pages: readonly (readonly Block[])[],
): Shell {
  const place = mkdtempSync(join(temporaryFolder(), 'shell-'));
  // Another Python that comes first in PATH may lack the packages of the system's Python.
  symlinkSync('/usr/bin/python3', join(place, 'python3'));
  const source = (block: Block, at: string) => {
    const file = join(place, at);
    const python = block.language === 'python';
    writeFileSync(file, setting.adapt(block.text));
    const run = python ? `python3 -u '${file}'` : `source '${file}'`;
    const background = block.mark === 'background' ? ' &' : '';
    return `PLACE='${file}'; ${run} > '${file}.out' 2>&1${background}\ntouch '${file}.ended'\n`;
  };
  const prelude = commonBlocks.map((block, at) => source(block, `common-${at}`)).join('');
  const bodies = pages.map((blocks, page) => {
    const body = blocks.map((block, at) => source(block, `${page}-${at}`)).join('');
    return pages.length === 1 ? body : `(\n${body}) &\nturn\n`;
  });
  // At most four pages run at the same time.
  const turn = 'turn() { while [ "$(jobs -rp | wc -l)" -ge 4 ]; do wait -n; done; }\n';
  const end = pages.length === 1 ? '' : 'wait\n';
  const child = spawn('bash', ['-c', PREAMBLE + turn + prelude + bodies.join('') + end], {
    cwd: setting.folder,
    env: { PATH: `${place}:${process.env.PATH}`, HOME: place, ...setting.env },
    stdio: 'ignore',
    detached: true,
  });
  const done = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = () => killGroup(child);
  closeLater('documentation shell', stop);
  const read = (at: string) => {
    try {
      return readFileSync(join(place, at), 'utf8');
    } catch {
      return undefined;
    }
  };
  const result = (block: Block, at: string): BlockResult => ({
    block,
    output: read(`${at}.out`) ?? '',
    failed: (read(`${at}.failed`) ?? '').split('\n').filter((line) => line !== ''),
    ended: read(`${at}.ended`) !== undefined,
  });
  const results = () => [
    ...commonBlocks.map((block, at) => result(block, `common-${at}`)),
    ...pages.flatMap((blocks, page) => blocks.map((block, at) => result(block, `${page}-${at}`))),
  ];
  return { done, results, stop };
}

/** Kills a shell and all its child processes. */
function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {
    // All processes have ended.
  }
}
