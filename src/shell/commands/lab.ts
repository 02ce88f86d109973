/** What no real tool does: let time pass, pull cables, cut power, ask who reaches whom. */
import { formatTimestamp } from '../../api/store-time.ts';
import { partyOfPod } from '../../controller/cluster.ts';
import type { Party } from '../../controller/probes.ts';
import { matrixText } from '../../report/matrix.ts';
import { SECOND } from '../../sim/time.ts';
import { type Command, type CommandIo, failed, INTERRUPTED, printed } from '../command.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, min: 60e9, h: 3600e9 };
/** More than a day in one go is a slip of the finger. */
const LONGEST = 24 * 3600 * SECOND;

/** `run 10s`: let virtual time pass. */
export const run: Command = async (args, { time, signal }) => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|min|h)?$/.exec(args[0] ?? '');
  if (match === null || args.length !== 1)
    return failed('usage: run DURATION   (run 500ms, run 10s, run 5m)\n', 2);
  const length = Math.floor(Number(match[1]) * UNITS[match[2] ?? 's']!);
  if (length > LONGEST) return failed('run: at most 24h at once\n', 2);
  await time.until(() => false, { deadline: time.now + length, signal });
  return signal.aborted ? printed('', INTERRUPTED) : printed('');
};

/** `clock`: virtual time since boot, and what clocks on the wall would show. */
export const clock: Command = async (_args, { cluster, time }) => {
  const stamp = formatTimestamp(cluster.scenario.startMs + Math.floor(time.now / 1e6));
  const seconds = (time.now / 1e9).toFixed(3);
  return printed(`${seconds} s since boot   ${stamp.slice(0, 19).replace('T', ' ')} UTC\n`);
};

/** `link down k8s-w0/eth0`, `link up k8s-w0/eth0`: pull a cable, plug it in. */
export const link: Command = async (args, { cluster }) => {
  const [state, place = ''] = args;
  const [owner = '', device = ''] = place.split('/');
  if ((state !== 'up' && state !== 'down') || device === '')
    return failed('usage: link down|up MACHINE/DEVICE   (link down k8s-w0/eth0)\n', 2);
  const nic = cluster.controller.plan.nic(owner, device);
  if (nic === undefined) return failed(`link: there is no NIC ${place}\n`, 2);
  await cluster.controller.setCarrier(nic, state === 'up');
  return printed('');
};

/** `node stop k8s-w2`, `node start k8s-w2`: cut the power, give it back. */
export const node: Command = async (args, { cluster }) => {
  const [action, name = ''] = args;
  if (action !== 'stop' && action !== 'start')
    return failed('usage: node stop|start NODE   (node stop k8s-w2)\n', 2);
  if (cluster.machine(name) !== 'node') return failed(`node: there is no node ${name}\n`, 2);
  await cluster.controller.setPower(name, action === 'start');
  return printed('');
};

/** `matrix [NAME…]`: who reaches whom, by which way. Without names: the pods of namespace default. */
export const matrix: Command = async (args, io) => {
  const parties = args.length === 0 ? await podsOf(io) : await named(args, io);
  if (typeof parties === 'string') return failed(`matrix: ${parties}\n`);
  if (parties.length < 2) return failed('matrix: at least two are needed\n');
  const pairs = parties.flatMap(from => parties.filter(to => to !== from).map(to => [from, to] as const));
  const outcomes = await io.cluster.probe(pairs);
  const {
    lines,
    causes,
    talking,
    pairs: count,
  } = matrixText(
    parties.map(p => p.name),
    outcomes,
  );
  const notes = causes.map(cause => `  ✗ ${cause}\n`).join('');
  return printed(
    `${lines.join('\n')}\n${notes}${talking} of ${count} pairs talk\n`,
    talking === count ? 0 : 1,
  );
};

async function podsOf({ cluster }: CommandIo): Promise<Party[]> {
  const pods = await cluster.list('Pod', 'default');
  const running = pods.filter(p => p.status?.podIP !== undefined && p.spec.nodeName !== undefined);
  return running.map(pod => partyOfPod(pod, pod.metadata.name));
}

async function named(names: readonly string[], { cluster }: CommandIo): Promise<Party[] | string> {
  const parties: Party[] = [];
  for (const name of new Set(names)) {
    if (cluster.machine(name) !== undefined) parties.push(cluster.machineParty(name));
    else {
      const [first, second] = name.split('/');
      const pod = await cluster.find('Pod', second ?? first!, second === undefined ? 'default' : first);
      if (pod?.status?.podIP === undefined) return `there is no running pod or machine called ${name}`;
      parties.push(partyOfPod(pod, name));
    }
  }
  return parties;
}
