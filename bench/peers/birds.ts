/**
 * Real BIRD 2 (`apt-get install bird2 iproute2`), one in each of a number of network namespaces that a bridge joins, and a
 * full mesh of sessions between them, configured as Calico configures its own: each announces one block and writes those
 * of the others into its namespace's kernel. Needs root. What was made is taken away again, whatever happens.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface BirdMesh {
  /** Wall time from the start of the daemons until every kernel has every block. */
  readonly seconds: number;
  /** CPU time of all daemons until then. */
  readonly cpuSeconds: number;
}

const POLL_MS = 20;
const LIMIT_MS = 60_000;

const PREFIX = `tl${process.pid}`;
const HUB = `${PREFIX}-hub`;
const namespaceOf = (node: number): string => `${PREFIX}-${node}`;
const addressOf = (node: number): string => `10.99.0.${node + 1}`;

const ip = (...words: readonly string[]): string => execFileSync('ip', words, { encoding: 'utf8' });

function addNode(node: number): void {
  const namespace = namespaceOf(node);
  ip('netns', 'add', namespace);
  ip('-n', HUB, 'link', 'add', `v${node}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  ip('-n', HUB, 'link', 'set', `v${node}`, 'master', 'br0', 'up');
  ip('-n', namespace, 'address', 'add', `${addressOf(node)}/24`, 'dev', 'eth0');
  ip('-n', namespace, 'link', 'set', 'lo', 'up');
  ip('-n', namespace, 'link', 'set', 'eth0', 'up');
}

/** The smaller address, as text, waits for the other to connect: Calico's rule for its mesh. */
const session = (own: number, other: number): string => `
protocol bgp mesh_${other} {
  local ${addressOf(own)} as 64512;
  neighbor ${addressOf(other)} as 64512;
  multihop;
  passive ${addressOf(other) > addressOf(own) ? 'on' : 'off'};
  connect delay time 2;
  connect retry time 5;
  error wait time 5,30;
  ipv4 { import all; export where source = RTS_STATIC; add paths on; };
}`;

const configuration = (own: number, nodes: number): string => `
router id ${addressOf(own)};
protocol device { scan time 2; }
protocol direct { ipv4; interface "eth0"; }
protocol kernel { scan time 2; ipv4 { import none; export where source = RTS_BGP; }; }
protocol static { ipv4; route 172.16.${own}.0/26 blackhole; }
${Array.from({ length: nodes }, (_, other) => (other === own ? '' : session(own, other))).join('')}
`;

/** `schedstat` counts nanoseconds on a CPU; `stat` only ticks, of which a small mesh needs none. */
const cpuSeconds = ({ pid }: ChildProcess): number =>
  Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;

const routes = (node: number): number =>
  ip('-n', namespaceOf(node), 'route', 'show', 'proto', 'bird').split('\n').length - 1;

function start(directory: string, node: number, nodes: number): ChildProcess {
  const file = join(directory, `${node}.conf`);
  writeFileSync(file, configuration(node, nodes));
  const bird = ['bird', '-f', '-c', file, '-s', join(directory, `${node}.ctl`)];
  return spawn('ip', ['netns', 'exec', namespaceOf(node), ...bird], { stdio: 'ignore' });
}

/** Let a mesh of `nodes` daemons converge. */
export async function birdMesh(nodes: number): Promise<BirdMesh> {
  const directory = mkdtempSync(join(tmpdir(), 'birds-'));
  const daemons: ChildProcess[] = [];
  try {
    ip('netns', 'add', HUB);
    ip('-n', HUB, 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', HUB, 'link', 'set', 'br0', 'up');
    for (let node = 0; node < nodes; node++) addNode(node);
    const begun = performance.now();
    for (let node = 0; node < nodes; node++) daemons.push(start(directory, node, nodes));
    for (let node = 0; node < nodes; ) {
      if (routes(node) >= nodes - 1) node++;
      else if (performance.now() - begun > LIMIT_MS) throw new Error('the real mesh does not converge');
      else await setTimeout(POLL_MS);
    }
    const seconds = (performance.now() - begun) / 1e3;
    return { seconds, cpuSeconds: daemons.reduce((sum, daemon) => sum + cpuSeconds(daemon), 0) };
  } finally {
    for (const daemon of daemons) daemon.kill('SIGKILL');
    const made = ip('netns', 'list')
      .split('\n')
      .map(line => line.split(' ')[0]!);
    for (const namespace of made) if (namespace.startsWith(`${PREFIX}-`)) ip('netns', 'delete', namespace);
    rmSync(directory, { recursive: true });
  }
}
