/** Debian's tcpdump and tshark as child processes, no more at a time than there are cores. Not a test file. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ToolResult {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

let running = 0;
const waiting: (() => void)[] = [];

async function turn(): Promise<void> {
  if (running >= availableParallelism()) await new Promise<void>(resolve => waiting.push(resolve));
  else running++;
}

function next(): void {
  const resolve = waiting.shift();
  if (resolve === undefined) running--;
  else resolve();
}

/** Run a tool to its end. Rejects when it does not start. */
export async function tool(command: string, argv: readonly string[]): Promise<ToolResult> {
  await turn();
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(command, argv, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TZ: 'UTC' },
      });
      const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on('data', (part: Buffer) => stdout.push(part));
      child.stderr.on('data', (part: Buffer) => stderr.push(part));
      child.on('error', error => reject(new Error(`apt-get install tcpdump tshark: ${error.message}`)));
      child.on('close', status =>
        resolve({ status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
      );
    });
  } finally {
    next();
  }
}

/**
 * tcpdump 4.99.3, once for each list of arguments, where there is no network, so that asking a name server fails at
 * once. All in one such place, for to make one takes longer than to read a file.
 */
export async function tcpdump(runs: readonly (readonly string[])[]): Promise<ToolResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tunlab-tcpdump-'));
  try {
    const lines = runs.map((argv, i) => {
      const words = argv.map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
      return `tcpdump ${words} >${folder}/${i}.out 2>${folder}/${i}.err; echo $?`;
    });
    const { status, stdout, stderr } = await tool('unshare', ['--net', 'sh', '-c', lines.join('\n')]);
    if (status !== 0) throw new Error(`apt-get install tcpdump: ${stderr}`);
    const codes = stdout.toString().trim().split('\n').map(Number);
    return runs.map((_, i) => ({
      status: codes[i]!,
      stdout: readFileSync(join(folder, `${i}.out`)),
      stderr: readFileSync(join(folder, `${i}.err`)).toString(),
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What tshark prints; a status other than 0 is an error. */
export async function tshark(argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await tool('tshark', argv);
  if (status !== 0) throw new Error(`tshark ${argv.join(' ')}: ${stderr}`);
  return stdout.toString();
}
