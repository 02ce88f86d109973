/**
 * Judges expectations. `within` polls on a fixed grid of 10 ms of virtual time until it holds; `for` goes on looking for
 * as long and wants it to hold all along; `never` looks as long and wants it to hold not once. Nothing sleeps, so nothing
 * is flaky.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Cluster } from '../controller/cluster.ts';
import { NoSuchParty } from '../controller/cluster.ts';
import { converge, GRID } from '../controller/convergence.ts';
import type { DeviceView, MachineStatus, RouteView } from '../node/command.ts';
import type {
  BgpExpectation,
  ConvergedExpectation,
  Expectation,
  IpamExpectation,
  MtuExpectation,
  OutputExpectation,
  RouteExpectation,
} from '../scenario/types.ts';
import type { VirtualTime } from '../sim/time.ts';
import { judgeCapture } from './captures.ts';
import { causeOf } from './causes.ts';
import { judgeDrops } from './drops.ts';
import { judgeInvariants } from './invariants.ts';
import { judgeFdb, judgeNeighbour } from './neighbours.ts';
import { judgeOutage } from './outage.ts';
import { judgePath, judgeReachability } from './reachability.ts';
import type { SnapshotBook } from './snapshot-book.ts';
import { judgeThroughput } from './throughput.ts';
import { formatTime, type Verdict } from './verdict.ts';
import type { Watches } from './watches.ts';

export interface Surroundings extends Watches {
  readonly cluster: Cluster;
  /** What the last command of a step printed. */
  readonly output: string;
  readonly exitCode: number;
  readonly signal: AbortSignal | undefined;
  readonly snapshots: SnapshotBook;
}

/** A verdict, and behind one that is not as wished what is known of the cause. */
export async function judge(around: Surroundings, expectation: Expectation): Promise<Verdict> {
  const verdict = await judged(around, expectation);
  const known = verdict.ok || verdict.inconclusive || verdict.reason !== undefined;
  if (known || expectation.neverNs !== undefined) return verdict;
  const because = await causeOf(around.cluster, expectation);
  return because === undefined ? verdict : { ...verdict, because };
}

async function judged(around: Surroundings, expectation: Expectation): Promise<Verdict> {
  if (expectation.kind === 'converged') return judgeConverged(around, expectation);
  if (expectation.kind === 'outage') return judgeOutage(around, expectation);
  if (expectation.neverNs !== undefined) return judgeNever(around, expectation, expectation.neverNs);
  const { controller } = around.cluster;
  const { withinNs = 0, forNs = 0 } = expectation;
  const deadline = controller.now + withinNs;
  let verdict = await look(around, expectation);
  while (!verdict.ok && controller.now < deadline && !around.signal?.aborted) {
    await controller.run(nextGridPoint(controller.now));
    verdict = await look(around, expectation);
  }
  if (!verdict.ok) {
    const within = withinNs === 0 ? '' : ` within ${formatTime(withinNs)}`;
    return { ...verdict, expected: `${verdict.expected}${within}` };
  }
  const since = controller.now;
  const until = since + forNs;
  while (verdict.ok && controller.now < until && !around.signal?.aborted) {
    await controller.run(nextGridPoint(controller.now));
    verdict = await look(around, expectation);
  }
  if (verdict.ok) return verdict;
  const lasted = `held for ${formatTime(controller.now - since)}, then: ${verdict.received}`;
  return { ...verdict, expected: `${verdict.expected} for ${formatTime(forNs)}`, received: lasted };
}

/** It must not hold once; something that does not exist is no verdict, as without `never`. */
async function judgeNever(
  around: Surroundings,
  expectation: Expectation,
  neverNs: VirtualTime,
): Promise<Verdict> {
  const { controller } = around.cluster;
  const begin = controller.now;
  let at = begin;
  let verdict = await look(around, expectation);
  while (!verdict.ok && controller.now < begin + neverNs && !around.signal?.aborted) {
    at = nextGridPoint(controller.now);
    await controller.run(at);
    verdict = await look(around, expectation);
  }
  const { inconclusive = false, received } = verdict;
  const span = neverNs === 0 ? 'not now' : `never in ${formatTime(neverNs)}`;
  const expected = `${span}: ${verdict.expected}`;
  if (inconclusive) return { ok: false, inconclusive, expected, received };
  if (!verdict.ok) return { ok: true, expected, received: `not once: ${received}` };
  return { ok: false, expected, received: `after ${formatTime(at - begin)}: ${received}` };
}

const nextGridPoint = (now: number): number => (Math.floor(now / GRID) + 1) * GRID;

async function look(around: Surroundings, expectation: Expectation): Promise<Verdict> {
  try {
    switch (expectation.kind) {
      case 'reachable':
      case 'unreachable':
        return await judgeReachability(around.cluster, expectation);
      case 'path':
        return await judgePath(around.cluster, expectation);
      case 'route':
      case 'noRoute':
        return await judgeRoute(around.cluster, expectation);
      case 'bgp':
        return await judgeBgp(around.cluster, expectation);
      case 'mtu':
        return await judgeMtu(around.cluster, expectation);
      case 'ipam':
        return await judgeIpam(around.cluster, expectation);
      case 'drops':
        return await judgeDrops(around.cluster, around.drops, expectation);
      case 'output':
        return judgeOutput(around.output, around.exitCode, expectation);
      case 'neigh':
        return await judgeNeighbour(around.cluster, expectation);
      case 'fdb':
        return await judgeFdb(around.cluster, expectation);
      case 'capture':
        return judgeCapture(around.captures, expectation);
      case 'throughput':
        return await judgeThroughput(around.cluster, expectation);
      case 'noChange':
        return await around.snapshots.judge(around.cluster, expectation);
      case 'invariant':
        return await judgeInvariants(around.cluster, expectation);
      case 'converged':
      case 'outage':
        throw new Error(`${expectation.kind} is judged by waiting, not by a look`);
    }
  } catch (error) {
    if (!(error instanceof NoSuchParty)) throw error;
    return { ok: false, inconclusive: true, expected: expectation.text, received: error.message };
  }
}

/** Converged for so long: no table has changed since, which no look in between could say better. */
async function judgeConverged(around: Surroundings, expectation: ConvergedExpectation): Promise<Verdict> {
  const { controller } = around.cluster;
  const { withinNs, forNs, neverNs } = expectation;
  const state = await converge(controller, controller.now + (withinNs ?? neverNs ?? 0), around.signal);
  const first = state.missing[0] ?? 'tables still change';
  const more = state.missing.length > 1 ? ` (and ${state.missing.length - 1} more)` : '';
  const received = state.converged ? `converged at ${formatTime(state.at)}` : `${first}${more}`;
  if (neverNs !== undefined)
    return { ok: !state.converged, expected: `not converged in ${formatTime(neverNs)}`, received };
  const within = withinNs === undefined ? '' : ` within ${formatTime(withinNs)}`;
  const expected = `converged${within}`;
  if (!state.converged) return { ok: false, inconclusive: true, expected, received };
  if (forNs === undefined) return { ok: true, expected, received };
  await controller.run(controller.now + forNs);
  const later = await converge(controller, controller.now, around.signal);
  const ok = later.converged && later.at === state.at;
  return {
    ok,
    expected: `${expected} for ${formatTime(forNs)}`,
    received: ok ? received : `${received}, changed again at ${formatTime(later.at)}`,
  };
}

async function judgeRoute(cluster: Cluster, expectation: RouteExpectation): Promise<Verdict> {
  const place = await cluster.party(expectation.on);
  const prefix = expectation.prefix.length === 0 ? 'default' : Prefix.format(expectation.prefix);
  const candidates = (await cluster.routes(place)).filter(r => Prefix.equal(r.prefix, expectation.prefix));
  const devices = await cluster.devices(place);
  const fits = candidates.some(route => routeFits(route, expectation, devices));
  const expected =
    expectation.kind === 'route'
      ? wantedRoute(expectation, prefix)
      : `no ${wantedRoute(expectation, prefix)}`;
  const received = candidates.map(r => r.text.trim()).join(' | ') || `no route to ${prefix}`;
  return { ok: fits === (expectation.kind === 'route'), expected, received };
}

function wantedRoute(e: RouteExpectation, prefix: string): string {
  const words = [
    e.type === undefined || e.type === 'unicast' ? '' : `${e.type} `,
    prefix,
    e.via === undefined ? '' : ` via ${Ipv4.format(e.via)}`,
    e.dev === undefined ? '' : ` dev ${e.dev}`,
    e.proto === undefined ? '' : ` proto ${e.proto}`,
    e.metric === undefined ? '' : ` metric ${e.metric}`,
    e.onlink === true ? ' onlink' : '',
  ];
  return words.join('');
}

function routeFits(route: RouteView, e: RouteExpectation, devices: readonly DeviceView[]): boolean {
  const named = (device: string): boolean =>
    device === e.dev || devices.some(d => d.name === device && d.altnames.includes(e.dev!));
  return (
    (e.type === undefined || route.type === e.type) &&
    (e.proto === undefined || route.protocol === e.proto) &&
    (e.metric === undefined || route.metric === e.metric) &&
    (e.via === undefined || route.nextHops.some(h => h.via === e.via)) &&
    (e.dev === undefined || route.nextHops.some(h => named(h.device))) &&
    (e.onlink === undefined || route.nextHops.some(h => h.onlink === e.onlink))
  );
}

async function judgeBgp(cluster: Cluster, e: BgpExpectation): Promise<Verdict> {
  const { sessions } = await cluster.controller.ask<MachineStatus>(e.on, { do: 'status' });
  const session = sessions.find(s => s.peer === e.peer);
  const state = session?.state ?? 'none';
  const peer = Ipv4.format(e.peer);
  return { ok: state === e.state, expected: `${e.on}: session with ${peer} ${e.state}`, received: state };
}

async function judgeMtu(cluster: Cluster, e: MtuExpectation): Promise<Verdict> {
  const place = await cluster.party(e.on);
  const device = (await cluster.devices(place)).find(d => d.name === e.dev || d.altnames.includes(e.dev));
  const expected = `${place.name}: ${e.dev} has MTU ${e.value}`;
  if (device === undefined) return { ok: false, expected, received: `no device ${e.dev}` };
  return { ok: device.mtu === e.value, expected, received: `MTU ${device.mtu}` };
}

async function judgeIpam(cluster: Cluster, e: IpamExpectation): Promise<Verdict> {
  const wanted = [
    e.address === undefined ? [] : [`address ${Ipv4.format(e.address)}`],
    e.block === undefined ? [] : [`block ${Prefix.format(e.block)}`],
  ].flat();
  const expected = `${e.text}: ${wanted.join(', ')}`;
  const addresses = await addressesOf(cluster, e);
  const received = addresses.map(Ipv4.format).join(', ') || 'no address';
  const fits = addresses.some(
    a =>
      (e.address === undefined || a === e.address) && (e.block === undefined || Prefix.contains(e.block, a)),
  );
  return { ok: fits, expected, received };
}

/** A pod's address; of a node, those of its tunnels. */
async function addressesOf(cluster: Cluster, e: IpamExpectation): Promise<number[]> {
  if (e.of.kind === 'pod') return [(await cluster.party(e.of)).address];
  if (e.of.kind !== 'node') return [];
  const node = await cluster.find('Node', e.of.name);
  const texts = [node?.spec.bgp?.ipv4IPIPTunnelAddr, node?.spec.ipv4VXLANTunnelAddr];
  return texts.flatMap(text => (text === undefined ? [] : [Ipv4.from(text)]));
}

function judgeOutput(output: string, exitCode: number, e: OutputExpectation): Verdict {
  if (e.exitCode !== undefined && e.exitCode !== exitCode)
    return { ok: false, expected: `exit code ${e.exitCode}`, received: `exit code ${exitCode}` };
  if (e.equals !== undefined) {
    return { ok: output === e.equals, expected: JSON.stringify(e.equals), received: JSON.stringify(output) };
  }
  const missing = e.contains.find(text => !output.includes(text));
  if (e.contains.length === 0)
    return { ok: true, expected: `exit code ${e.exitCode}`, received: `exit code ${exitCode}` };
  const expected = `output contains ${JSON.stringify(missing ?? e.contains.join(', '))}`;
  return { ok: missing === undefined, expected, received: JSON.stringify(output) };
}
