/** Debian's tcpdump and tshark as child processes, no more at a time than there are cores. Not a test file. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

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

/** tcpdump 4.99.3 where there is no network, so that asking a name server fails at once. */
export const tcpdump = (argv: readonly string[]): Promise<ToolResult> =>
  tool('unshare', ['--net', 'tcpdump', ...argv]);

/** What tshark prints; a status other than 0 is an error. */
export async function tshark(argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await tool('tshark', argv);
  if (status !== 0) throw new Error(`tshark ${argv.join(' ')}: ${stderr}`);
  return stdout.toString();
}
