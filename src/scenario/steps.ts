/** Steps and expectations, resolved against the fabric and the pods that a scenario knows. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { resolveDevice } from './device.ts';
import type { Path } from './document.ts';
import type { EndpointPair, RawExpectation } from './expectation-schema.ts';
import type { Faults } from './faults.ts';
import { didYouMean } from './nearest.ts';
import type { RawStep } from './schema.ts';
import type { Command, Endpoint, Expectation, Fabric, Step } from './types.ts';

export interface KnownPod {
  readonly namespace: string;
  readonly name: string;
}

/** `ns/name`, or `name` in the namespace `default`. */
export function parsePodName(written: string): KnownPod {
  const slash = written.indexOf('/');
  return slash < 0
    ? { namespace: 'default', name: written }
    : { namespace: written.slice(0, slash), name: written.slice(slash + 1) };
}

/** `pods` are those that the files declare; `undefined` when that is not known, and any name passes for a pod. */
export function resolveSteps(
  raw: readonly RawStep[],
  fabric: Fabric,
  pods: readonly KnownPod[] | undefined,
  faults: Faults,
): Step[] {
  return new StepResolver(raw, fabric, pods, faults).steps();
}

/** What `reachable` and `unreachable` have in common. */
type RawProbe = Omit<Extract<RawExpectation, { reachable: unknown }>, 'reachable' | 'via'>;

class StepResolver {
  readonly #raw: readonly RawStep[];
  readonly #fabric: Fabric;
  readonly #faults: Faults;
  readonly #kinds: ReadonlyMap<string, 'node' | 'router' | 'host'>;
  readonly #pods: ReadonlySet<string>;
  /** A command may make pods that nothing in the file declares; then a name cannot be called unknown. */
  readonly #podsMayAppear: boolean;

  constructor(
    raw: readonly RawStep[],
    fabric: Fabric,
    pods: readonly KnownPod[] | undefined,
    faults: Faults,
  ) {
    this.#raw = raw;
    this.#fabric = fabric;
    this.#faults = faults;
    this.#kinds = new Map([
      ...fabric.nodes.map(({ name }) => [name, 'node'] as const),
      ...fabric.routers.map(({ name }) => [name, 'router'] as const),
      ...fabric.hosts.map(({ name }) => [name, 'host'] as const),
    ]);
    this.#pods = new Set(pods?.map(({ namespace, name }) => `${namespace}/${name}`));
    const commands = raw.flatMap(step => step.run ?? []);
    const makesPods = /\b(kubectl|k)\s+(apply|create|run|replace|scale)\b/;
    this.#podsMayAppear = pods === undefined || commands.some(command => makesPods.test(command));
  }

  steps(): Step[] {
    let commandsSoFar = 0;
    return this.#raw.map((raw, i) => {
      const path = ['spec', 'steps', i];
      if (Object.keys(raw).every(key => key === 'name')) {
        this.#faults.at(
          path,
          'SCENARIO_WRONG_VALUE',
          'the step does nothing: give it run, expect, wait, link or node',
        );
      }
      const run = this.#commands(raw, path);
      commandsSoFar += run.length;
      const expect = this.#expectations(raw, path, commandsSoFar > 0);
      const link = this.#link(raw.link, [...path, 'link']);
      const node = this.#power(raw.node, [...path, 'node']);
      const named = raw.name ?? run[0]?.text ?? expect[0]?.text;
      const said = link !== undefined ? `link ${link.owner}/${link.device} ${link.state}` : undefined;
      const power = node !== undefined ? `${node.action} ${node.name}` : undefined;
      const name = named ?? said ?? power ?? 'wait';
      return { name, link, node, run, waitNs: raw.wait ?? 0, expect, position: this.#faults.position(path) };
    });
  }

  #commands(raw: RawStep, path: Path): Command[] {
    const { run } = raw;
    if (run === undefined) return [];
    if (typeof run === 'string') return [{ text: run, position: this.#faults.position([...path, 'run']) }];
    return run.map((text, i) => ({ text, position: this.#faults.position([...path, 'run', i]) }));
  }

  #link(raw: RawStep['link'], path: Path): Step['link'] {
    if (raw === undefined) return undefined;
    const state = raw.down !== undefined ? 'down' : 'up';
    const jack = raw.down ?? raw.up;
    if (jack === undefined || (raw.down !== undefined && raw.up !== undefined)) {
      this.#faults.at(path, 'SCENARIO_WRONG_VALUE', 'expected either down or up');
      return undefined;
    }
    const report = (message: string): void =>
      this.#faults.at([...path, state], 'SCENARIO_UNKNOWN_NAME', message);
    return { state, ...resolveDevice(jack, this.#fabric, report) };
  }

  #power(raw: RawStep['node'], path: Path): Step['node'] {
    if (raw === undefined) return undefined;
    const action = raw.stop !== undefined ? 'stop' : 'start';
    const name = raw.stop ?? raw.start;
    if (name === undefined || (raw.stop !== undefined && raw.start !== undefined)) {
      this.#faults.at(path, 'SCENARIO_WRONG_VALUE', 'expected either stop or start');
      return undefined;
    }
    this.#expectNode(name, [...path, action]);
    return { action, name };
  }

  #expectNode(name: string, path: Path): void {
    if (this.#kinds.get(name) === 'node') return;
    const nodes = this.#fabric.nodes.map(node => node.name);
    this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', `unknown node "${name}"${didYouMean(name, nodes)}`);
  }

  #expectations(raw: RawStep, path: Path, afterCommand: boolean): Expectation[] {
    const { expect } = raw;
    if (expect === undefined) return [];
    const list = Array.isArray(expect) ? expect : [expect];
    return list.map((each, i) => {
      const at = Array.isArray(expect) ? [...path, 'expect', i] : [...path, 'expect'];
      if ('output' in each && !afterCommand) {
        this.#faults.at(at, 'SCENARIO_WRONG_VALUE', 'no command has run before this expectation');
      }
      return this.#expectation(each, at);
    });
  }

  /** One row for each kind of the vocabulary. */
  #expectation(raw: RawExpectation, path: Path): Expectation {
    const text = this.#faults.document.textOf(path);
    const position = this.#faults.position(path);
    if ('outage' in raw) {
      const { outage, max } = raw;
      if (outage.symmetric)
        this.#faults.at([...path, 'outage'], 'SCENARIO_WRONG_VALUE', 'an outage has one direction: say ->');
      const from = this.#endpoint(outage.from, [...path, 'outage']);
      const to = this.#endpoint(outage.to, [...path, 'outage']);
      return { kind: 'outage', text, position, withinNs: undefined, forNs: undefined, from, to, maxNs: max };
    }
    const base = { text, position, withinNs: raw.within, forNs: raw.for };
    if ('converged' in raw) return { kind: 'converged', ...base };
    if ('reachable' in raw) {
      return {
        kind: 'reachable',
        ...base,
        ...this.#probe(raw, raw.reachable, 'reachable', path),
        via: raw.via,
      };
    }
    if ('unreachable' in raw) {
      const { reason, at } = raw;
      if (at !== undefined) this.#named(at, ['node', 'router', 'host'], [...path, 'at']);
      return {
        kind: 'unreachable',
        ...base,
        ...this.#probe(raw, raw.unreachable, 'unreachable', path),
        reason,
        place: at,
      };
    }
    if ('path' in raw) {
      const { hops } = raw;
      for (const [i, hop] of hops.entries())
        this.#named(hop, ['node', 'router', 'host'], [...path, 'hops', i]);
      return { kind: 'path', ...base, ...this.#probe(raw, raw.path, 'path', path), hops };
    }
    if ('route' in raw || 'noRoute' in raw) {
      const isRoute = 'route' in raw;
      const prefix = isRoute ? raw.route : raw.noRoute;
      const on = this.#endpoint(raw.on, [...path, 'on']);
      const { via, dev, proto, onlink, type, metric } = raw;
      this.#checkPrefix(prefix, [...path, isRoute ? 'route' : 'noRoute']);
      return {
        kind: isRoute ? 'route' : 'noRoute',
        ...base,
        prefix,
        on,
        via,
        dev,
        proto,
        onlink,
        type,
        metric,
      };
    }
    if ('bgp' in raw) {
      this.#named(raw.on, ['node', 'router'], [...path, 'on']);
      const peer = this.#peer(raw.peer, raw.on, [...path, 'peer']);
      return { kind: 'bgp', ...base, state: raw.bgp, on: raw.on, peer };
    }
    if ('mtu' in raw) {
      return {
        kind: 'mtu',
        ...base,
        on: this.#endpoint(raw.on, [...path, 'on']),
        dev: raw.dev,
        value: raw.mtu,
      };
    }
    if ('ipam' in raw) {
      const { address, block } = raw;
      if (address === undefined && block === undefined) {
        this.#faults.at(path, 'SCENARIO_MISSING_KEY', 'expected address or block');
      }
      return { kind: 'ipam', ...base, of: this.#endpoint(raw.ipam, [...path, 'ipam']), address, block };
    }
    if ('drops' in raw) {
      if (raw.on !== undefined) this.#named(raw.on, ['node', 'router', 'host'], [...path, 'on']);
      return { kind: 'drops', ...base, reason: raw.drops, on: raw.on };
    }
    const { contains, equals } = raw.output;
    if (contains === undefined && equals === undefined) {
      this.#faults.at([...path, 'output'], 'SCENARIO_MISSING_KEY', 'expected contains or equals');
    }
    const list = contains === undefined ? [] : Array.isArray(contains) ? contains : [contains];
    return { kind: 'output', ...base, contains: list, equals };
  }

  #probe(raw: RawProbe, pair: EndpointPair, keyword: string, path: Path) {
    const { proto, port, df, size } = raw;
    if (proto === 'icmp' && port !== undefined) {
      this.#faults.at([...path, 'port'], 'SCENARIO_WRONG_VALUE', 'icmp has no ports: say proto tcp or udp');
    }
    if (proto !== 'icmp' && port === undefined) {
      this.#faults.at(path, 'SCENARIO_MISSING_KEY', `missing key "port": ${proto} needs one`);
    }
    const from = this.#endpoint(pair.from, [...path, keyword]);
    const to = this.#endpoint(pair.to, [...path, keyword]);
    return {
      from,
      to,
      symmetric: pair.symmetric || raw.symmetric === true,
      proto,
      port,
      sizeBytes: size,
      df,
    };
  }

  #checkPrefix(prefix: Prefix.Prefix, path: Path): void {
    if (Prefix.isMasked(prefix)) return;
    const masked = Prefix.format(Prefix.network(prefix.address, prefix.length));
    this.#faults.at(
      path,
      'SCENARIO_WRONG_VALUE',
      `${Prefix.format(prefix)} has host bits set, did you mean "${masked}"?`,
    );
  }

  #endpoint(written: string, path: Path): Endpoint {
    const address = Ipv4.parse(written);
    if (address !== undefined) return { kind: 'address', address };
    const kind = this.#kinds.get(written);
    if (kind !== undefined) return { kind, name: written };
    const pod = parsePodName(written);
    if (!this.#podsMayAppear && !this.#pods.has(`${pod.namespace}/${pod.name}`)) {
      const pods = [...this.#pods].map(name => name.replace(/^default\//, ''));
      const guess = didYouMean(written, [...pods, ...this.#kinds.keys()]);
      this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', `unknown pod or node "${written}"${guess}`);
    }
    return { kind: 'pod', ...pod };
  }

  #named(written: string, kinds: readonly string[], path: Path): void {
    const kind = this.#kinds.get(written);
    if (kind !== undefined && kinds.includes(kind)) return;
    const candidates = [...this.#kinds].filter(([, each]) => kinds.includes(each)).map(([name]) => name);
    const message = `unknown ${kinds.join(' or ')} "${written}"${didYouMean(written, candidates)}`;
    this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', message);
  }

  /** A session's other side. Of a router with several addresses, the one that shares a subnet with `on`. */
  #peer(written: string, on: string, path: Path): Ipv4.Ipv4Address {
    const address = Ipv4.parse(written) ?? this.#fabric.nodes.find(node => node.name === written)?.address;
    if (address !== undefined) return address;
    const router = this.#fabric.routers.find(each => each.name === written);
    if (router === undefined) {
      this.#named(written, ['node', 'router'], path);
      return 0;
    }
    const subnet = this.#fabric.nodes.find(node => node.name === on)?.subnet;
    const near = router.interfaces.find(each => each.subnet === subnet) ?? router.interfaces[0];
    return near?.address ?? 0;
  }
}
