/**
 * `npm start`: the reference lab, live. Three modes one after the other, the routes that change, who talks to whom; then
 * the other cure, BGP with the router. At most 40 lines of 100 columns.
 */
import { fileURLToPath } from 'node:url';
import type { ProbeOutcome } from '../../controller/probes.ts';
import { Lab, type LabOptions } from '../../lab.ts';
import type { RouteView } from '../../node/command.ts';
import { matrixText } from '../../report/matrix.ts';
import { isBlockRoute, routeChanges } from '../../report/route-changes.ts';
import { wrap } from '../../report/table.ts';
import type { StepResult } from '../../runner/steps.ts';
import { formatTime } from '../../runner/verdict.ts';
import type { StartOptions } from '../command-table.ts';
import { type Io, WIDTH } from '../io.ts';
import { placementLine } from '../placement.ts';
import { version } from '../version.ts';

const SCENARIOS = new URL('../../../scenarios/', import.meta.url);
const PODS = ['pod1', 'pod2', 'pod3'];
const VIEWPOINT = 'k8s-w1';

export async function start(options: StartOptions, io: Io): Promise<number> {
  const began = performance.now();
  const { workers, seed } = options;
  const labOptions = { workers, signal: io.signal, ...(seed !== undefined && { seed }) };
  const kans = await Lab.load(shipped('kans.yaml'), labOptions);
  io.stdout.write(`${heading(kans)}\n\n`);
  // The second lab runs beside the first: each keeps a core busy, and the reader is at the first anyway.
  const cure = otherCure(labOptions);
  cure.catch(() => {}); // it is awaited below, unless the walkthrough fails first
  let ok: boolean;
  try {
    ok = await walkthrough(kans, io);
  } finally {
    await kans.close();
  }
  const { text, held, modelled } = await cure;
  io.stdout.write(text);
  const wall = ((performance.now() - began) / 1000).toFixed(1);
  io.stdout.write(`modelled ${((kans.now + modelled) / 1e9).toFixed(0)} s in ${wall} s\n${NEXT}`);
  return ok && held ? 0 : 1;
}

const shipped = (name: string): string => fileURLToPath(new URL(name, SCENARIOS));

const NEXT = `next:  npx tunlab run scenarios/kans.yaml         the same, step by step, with every expectation
       npx tunlab shell scenarios/kans.yaml       type what you know: calicoctl, kubectl, ip route
       npx tunlab run scenarios/modes             every mode of the lab
`;

function heading(lab: Lab): string {
  const { scenario, placement } = lab;
  const pool = scenario.resources.find(r => r.kind === 'IPPool');
  const cidr = (pool?.object['spec'] as { cidr?: string } | undefined)?.cidr ?? '';
  const { nodes, subnets } = scenario.fabric;
  const title =
    `tunlab ${version()}   lab ${scenario.name}: Calico ${scenario.calicoVersion}, pool ${cidr}, ` +
    `${nodes.length} nodes in ${subnets.length} subnets`;
  return `${title.padEnd(90)}seed ${lab.seed}\n${placementLine(placement)}`;
}

async function walkthrough(lab: Lab, io: Io): Promise<boolean> {
  let ok = true;
  let before: RouteView[] = [];
  for (const [index, step] of lab.scenario.steps.entries()) {
    const result = await lab.step(step, index);
    const routes = (await lab.routes(VIEWPOINT)).filter(isBlockRoute);
    const outcomes = await lab.matrix(PODS);
    const converged =
      result.expectations.find(e => e.expectation.kind === 'converged')?.verdict.received ?? '';
    const command = step.run[0]?.text ?? 'the pool as installed (ipipMode: Always)';
    io.stdout.write(
      `${index + 1}  ${io.stdout.colour.strong(step.name)}   ${fit(command, WIDTH - 6 - step.name.length)}\n`,
    );
    writeRoutes(io, before, routes);
    writeMatrix(io, outcomes, converged);
    before = routes;
    ok = ok && result.ok;
    io.stdout.write(failures(io, result));
  }
  const lines = await lab.watchPing({ on: VIEWPOINT, device: 'tunl0', from: 'pod1', to: 'pod3', packets: 2 });
  io.stdout.write(`   ${VIEWPOINT}# tcpdump -ni tunl0\n${lines.map(line => `   ${line}\n`).join('')}`);
  return ok;
}

/** A long command loses the pool's name first, then its end. */
function fit(command: string, width: number): string {
  const text = command.length <= width ? command : command.replace(' default-ipv4-ippool', ' …');
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function writeRoutes(io: Io, before: readonly RouteView[], after: readonly RouteView[]): void {
  const changes =
    before.length === 0
      ? after.map(route => ({ sign: ' ', text: route.text.trim() }))
      : routeChanges(before, after);
  for (const [i, { sign, text }] of changes.entries()) {
    io.stdout.write(`   ${(i === 0 ? VIEWPOINT : '').padEnd(VIEWPOINT.length)} ${sign} ${text}\n`);
  }
}

const MATRIX_WIDTH = 40;

/** The matrix to the left; beside it why pairs fail, how many talk, and when the tables came to rest. */
function writeMatrix(io: Io, outcomes: readonly ProbeOutcome[], converged: string): void {
  const { lines, causes, talking, pairs } = matrixText(PODS, outcomes);
  const why = causes.slice(0, 1).flatMap(cause => wrap(`✗ ${cause}`, WIDTH - MATRIX_WIDTH));
  const notes = [`${talking} of ${pairs} pairs talk; ${converged}`, ...why];
  for (const [i, line] of lines.entries()) {
    const note = notes[i] ?? '';
    io.stdout.write(`${`      ${line}`.padEnd(MATRIX_WIDTH)}${note}`.trimEnd() + '\n');
  }
}

function failures(io: Io, result: StepResult): string {
  const failed = result.expectations.filter(e => !e.verdict.ok);
  return failed
    .map(
      ({ expectation, verdict }) => `   ${io.stdout.colour.failed(expectation.text)}: ${verdict.received}\n`,
    )
    .join('');
}

interface Cure {
  readonly text: string;
  readonly held: boolean;
  readonly modelled: number;
}

async function otherCure(options: LabOptions): Promise<Cure> {
  const lab = await Lab.load(shipped('kans-router.yaml'), options);
  try {
    const results = await lab.steps();
    const { result, way } = await lab.ping('pod1', 'pod3');
    const outcome = result.answered
      ? `OK, ${way}: no tunnel, ttl ${result.ttl}, ${formatTime(result.rtt)}`
      : '✗';
    const text = `4  The other cure   kans-router: Direct, and BGP with the router        pod1→pod3 ${outcome}\n`;
    return { text, held: result.answered && results.every(r => r.ok), modelled: lab.now };
  } finally {
    await lab.close();
  }
}
