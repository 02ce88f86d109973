/**
 * `npm run bench:peers [CASE] [--smoke]`: the engine against others on the same work, a round of ours and a round of theirs in
 * turn, each in a process of its own, so that whatever else the machine does hits both. A line of JSON for each case.
 *
 *   ns-3     packet-hops per CPU-second of both (medians) and the ratio, ours ÷ theirs
 *   bird2    a mesh of real daemons (`peers/birds.ts`): CPU time of all of them and of our whole lab, `cpuRatio` is theirs ÷
 *            ours; the real seconds until the last route and the virtual ones of the lab, `timeRatio` is real ÷ virtual
 *
 * ns-3 is Debian's (`apt-get install ns3 libns3-dev g++ make`); its programs are in `bench/peers/ns3` and are built into
 * `build/peers`. It computes no checksums unless told to, and we always do.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BirdMesh, birdMesh } from './peers/birds.ts';

interface PeerCase {
  readonly name: string;
  /** BENCH/CASE of ours. */
  readonly ours: string;
  readonly program: string;
  readonly arguments: readonly string[];
  /** Its hops have to be counted first, in a run of their own. */
  readonly counted?: boolean;
}

const CASES: readonly PeerCase[] = [
  {
    name: 'chain-4',
    ours: 'forwarding/chain-4-1400',
    program: 'chain',
    arguments: ['--n=4', '--size=1358', '--pkts=40000'],
  },
  { name: 'leaf-spine', ours: 'leaf-spine/2-8-64', program: 'leafspine', arguments: ['--ms=6'] },
  {
    name: 'chain-4-10k',
    ours: 'forwarding/chain-4-1400-10k-routes',
    program: 'chain',
    arguments: ['--n=4', '--size=1358', '--fib=10000', '--pkts=150'],
  },
  {
    name: 'tcp-bulk',
    ours: 'tcp-bulk/streams-1',
    program: 'k8s',
    arguments: ['--secs=0.05', '--delay=10us'],
    counted: true,
  },
];

/** Meshes of real daemons against BENCH/CASE of ours. */
const MESHES = [10, 30].map(nodes => ({ name: `mesh-${nodes}`, ours: `convergence/mesh-${nodes}`, nodes }));

const ROUNDS = 5;
const engine = fileURLToPath(new URL('./engine.js', import.meta.url));
const root = join(fileURLToPath(new URL('.', import.meta.url)), '..', '..');
const programs = join(root, 'build', 'peers');

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  console.error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  process.exit(2);
}

/** The number behind `field=` of a line that a program of ns-3's printed. */
function field(line: string, name: string): number {
  const match = new RegExp(` ${name}=(\\d+)`).exec(line);
  if (match === null) throw new Error(`no ${name} in: ${line}`);
  return Number(match[1]);
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;

function compare({ name, ours, program, arguments: args, counted }: PeerCase, smoke: boolean): void {
  const peer = join(programs, program);
  const hops = counted === true ? [`--hops=${field(run(peer, [...args, '--count=1']), 'hops')}`] : [];
  const mine: number[] = [];
  const theirs: number[] = [];
  let last = { node: '', commit: '' };
  for (let round = 0; round < (smoke ? 1 : ROUNDS); round++) {
    const line = run(process.execPath, [engine, ours, '--in-process', ...(smoke ? ['--smoke'] : [])]);
    const result = JSON.parse(line) as { hopsPerCpuSecond: number; node: string; commit: string };
    last = { node: result.node, commit: result.commit };
    mine.push(result.hopsPerCpuSecond);
    theirs.push(field(run(peer, [...args, ...hops]), 'hops_per_s_user'));
  }
  const hopsPerCpuSecond = median(mine);
  const peerHopsPerCpuSecond = median(theirs);
  const ratio = Math.round((hopsPerCpuSecond / peerHopsPerCpuSecond) * 10) / 10;
  const figures = { hopsPerCpuSecond, peerHopsPerCpuSecond, ratio };
  console.log(JSON.stringify({ bench: 'peers', case: name, peer: 'ns3', ...figures, ...last }));
}

const ratio = (a: number, b: number): number => Math.round((a / b) * 1000) / 1000;

async function compareMesh({ name, ours, nodes }: (typeof MESHES)[number], smoke: boolean): Promise<void> {
  const mine: { cpuSeconds: number; virtualSeconds: number; node: string; commit: string }[] = [];
  const theirs: BirdMesh[] = [];
  for (let round = 0; round < (smoke ? 1 : ROUNDS); round++) {
    mine.push(JSON.parse(run(process.execPath, [engine, ours, '--in-process'])));
    theirs.push(await birdMesh(nodes));
  }
  const cpuSeconds = median(mine.map(one => one.cpuSeconds));
  const virtualSeconds = median(mine.map(one => one.virtualSeconds));
  const peerCpuSeconds = median(theirs.map(one => one.cpuSeconds));
  const peerSeconds = median(theirs.map(one => one.seconds));
  const { node, commit } = mine[0]!;
  console.log(
    JSON.stringify({
      bench: 'peers',
      case: name,
      peer: 'bird2',
      cpuSeconds,
      peerCpuSeconds,
      cpuRatio: ratio(peerCpuSeconds, cpuSeconds),
      virtualSeconds,
      peerSeconds,
      timeRatio: ratio(peerSeconds, virtualSeconds),
      node,
      commit,
    }),
  );
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean', default: false } },
});
const isChosen = ({ name }: { readonly name: string }): boolean =>
  positionals.length === 0 || positionals.includes(name);
const chosen = CASES.filter(isChosen);
const meshes = MESHES.filter(isChosen);
if (chosen.length + meshes.length === 0) {
  console.error(`the cases are ${[...CASES, ...MESHES].map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
if (chosen.length > 0) run('make', ['-s', '-C', join(root, 'bench', 'peers', 'ns3'), `OUT=${programs}`]);
for (const one of chosen) compare(one, values.smoke);
for (const one of meshes) await compareMesh(one, values.smoke);
