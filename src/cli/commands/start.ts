/**
 * `npm start`: the reference lab, live. Three modes one after the other, the routes that change, who talks to whom; then
 * the other cure, BGP with the router. At most 40 lines of 100 columns.
 */
import { fileURLToPath } from 'node:url';
import type { ProbeOutcome } from '../../controller/probes.ts';
import { Lab } from '../../lab.ts';
import type { RouteView } from '../../node/command.ts';
import { matrixText } from '../../report/matrix.ts';
import { isBlockRoute, routeChanges } from '../../report/route-changes.ts';
import { formatTime } from '../../runner/verdict.ts';
import type { StartOptions } from '../command-table.ts';
import type { Io } from '../io.ts';
import { placementLine } from '../placement.ts';
import { version } from '../version.ts';

const SCENARIOS = new URL('../../../scenarios/', import.meta.url);
const PODS = ['pod1', 'pod2', 'pod3'];
const VIEWPOINT = 'k8s-w1';

export async function start(options: StartOptions, io: Io): Promise<number> {
  const began = performance.now();
  const kans = await Lab.load(fileURLToPath(new URL('kans.yaml', SCENARIOS)), {
    ...labOptions(options),
    signal: io.signal,
  });
  let modelled = 0;
  let ok = true;
  try {
    io.stdout.write(`${heading(kans)}\n\n`);
    ok = (await walkthrough(kans, io)) && ok;
    modelled += kans.now;
  } finally {
    await kans.close();
  }
  const router = await Lab.load(fileURLToPath(new URL('kans-router.yaml', SCENARIOS)), {
    ...labOptions(options),
    signal: io.signal,
  });
  try {
    ok = (await otherCure(router, io)) && ok;
    modelled += router.now;
  } finally {
    await router.close();
  }
  const wall = ((performance.now() - began) / 1000).toFixed(1);
  io.stdout.write(`\nmodelled ${(modelled / 1e9).toFixed(0)} s in ${wall} s\n${NEXT}`);
  return ok ? 0 : 1;
}

const labOptions = ({ workers, seed }: StartOptions) => ({ workers, ...(seed !== undefined && { seed }) });

const NEXT = `next:  npx tunlab run scenarios/kans.yaml              the same, with every expectation
       npx tunlab shell scenarios/kans.yaml -c 'ssh k8s-w1 ip route'     type what you know
       npx tunlab run scenarios/modes                  every mode of the lab
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
    const converged = result.expectations.find(e => e.expectation.kind === 'converged');
    const command = step.run[0]?.text ?? 'the pool as installed (ipipMode: Always)';
    const head = `${index + 1}  ${io.stdout.colour.strong(step.name)}   ${shorten(command, 92 - step.name.length)}`;
    io.stdout.write(`${head}\n`);
    printRoutes(io, before, routes, index === 0);
    printMatrix(io, outcomes, converged?.verdict.received ?? '');
    before = routes;
    ok = ok && result.ok;
    if (!result.ok) printFailures(io, result);
  }
  await printTcpdump(lab, io);
  return ok;
}

const shorten = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

function printRoutes(
  io: Io,
  before: readonly RouteView[],
  after: readonly RouteView[],
  first: boolean,
): void {
  const changes = first ? after.map(r => ({ sign: ' ', text: r.text.trim() })) : routeChanges(before, after);
  changes.forEach(({ sign, text }, i) => {
    io.stdout.write(`   ${(i === 0 ? VIEWPOINT : '').padEnd(VIEWPOINT.length)} ${sign} ${text}\n`);
  });
}

function printMatrix(io: Io, outcomes: readonly ProbeOutcome[], note: string): void {
  const { lines, causes, talking, pairs } = matrixText(PODS, outcomes);
  const notes = [
    '',
    ...causes.slice(0, lines.length - 2),
    `${talking} of ${pairs} pairs talk${note ? `; ${note}` : ''}`,
  ];
  lines.forEach((line, i) => {
    const remark = notes[i] ?? '';
    io.stdout.write(`      ${line.padEnd(33)} ${remark}`.trimEnd() + '\n');
  });
}

function printFailures(io: Io, result: Awaited<ReturnType<Lab['step']>>): void {
  for (const { expectation, verdict } of result.expectations) {
    if (!verdict.ok)
      io.stdout.write(`   ${io.stdout.colour.failed(expectation.text)}: ${verdict.received}\n`);
  }
}

/** Two lines that everybody who has run the lab on real machines has seen. */
async function printTcpdump(lab: Lab, io: Io): Promise<void> {
  const lines = await lab.watchPing({ on: VIEWPOINT, device: 'tunl0', from: 'pod1', to: 'pod3', packets: 2 });
  io.stdout.write(`   ${VIEWPOINT}# tcpdump -ni tunl0\n`);
  for (const line of lines) io.stdout.write(`   ${line}\n`);
}

async function otherCure(lab: Lab, io: Io): Promise<boolean> {
  const results = await lab.steps();
  const outcome = await lab.ping('pod1', 'pod3');
  const way = outcome.result.answered ? `${outcome.way}, no tunnel, ${formatTime(outcome.result.rtt)}` : '✗';
  io.stdout.write(
    `\n4  ${io.stdout.colour.strong('The other cure')}   kans-router: Direct, and BGP with the router        pod1→pod3 ${way}\n`,
  );
  for (const result of results) if (!result.ok) printFailures(io, result);
  return results.every(r => r.ok) && outcome.result.answered;
}
