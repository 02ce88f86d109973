/** The command line in the test's own process, and a folder for what it writes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capture } from '../../src/cli/commands/capture.ts';
import { run } from '../../src/cli/commands/run.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import { type Io, output } from '../../src/cli/io.ts';
import type { LabOptions } from '../../src/lab.ts';
import { type CapturedPacket, read } from '../../src/wire/capture-reader.ts';
import { fromRoot } from '../kit.ts';

export const MAIN = fromRoot('build/src/cli/main.js');
export const MODES = fromRoot('scenarios/modes');
export const DIRECT = join(MODES, 'direct.yaml');

const folder = mkdtempSync(join(tmpdir(), 'tunlab-cli-'));
export const path = (name: string): string => join(folder, name);
export const cleanUp = (): void => rmSync(folder, { recursive: true });

export const packetsOf = (file: string): CapturedPacket[] => read(readFileSync(file));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `text` is standard input, `more` what only tests can say to a lab. */
export async function tunlab(
  argv: readonly string[],
  text = '',
  more: Pick<LabOptions, 'builder'> = {},
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    stdout: output({ write: line => out.push(line) }, {}),
    stderr: output({ write: line => err.push(line) }, {}),
    input: async () => new TextEncoder().encode(text),
    signal: new AbortController().signal,
  };
  const code = await dispatch(argv, io, { run: (args, outside) => run(args, outside, more), capture });
  return { code, out: out.join(''), err: err.join('') };
}
