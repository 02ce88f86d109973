/** The names that steps and expectations may use: pods, machines of the fabric, addresses. What is unknown is a fault. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Path } from './document.ts';
import type { Faults } from './faults.ts';
import { didYouMean } from './nearest.ts';
import type { Endpoint, Fabric } from './types.ts';

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

export type MachineKind = 'node' | 'router' | 'host';

export class KnownNames {
  readonly #fabric: Fabric;
  readonly #faults: Faults;
  readonly #kinds: ReadonlyMap<string, MachineKind>;
  /** `undefined`: commands may make pods that nothing in the file declares; then no name can be called unknown. */
  readonly #pods: ReadonlySet<string> | undefined;

  constructor(fabric: Fabric, pods: readonly KnownPod[] | undefined, faults: Faults) {
    this.#fabric = fabric;
    this.#faults = faults;
    this.#kinds = new Map([
      ...fabric.nodes.map(({ name }) => [name, 'node'] as const),
      ...fabric.routers.map(({ name }) => [name, 'router'] as const),
      ...fabric.hosts.map(({ name }) => [name, 'host'] as const),
    ]);
    this.#pods = pods && new Set(pods.map(({ namespace, name }) => `${namespace}/${name}`));
  }

  endpoint(written: string, path: Path): Endpoint {
    const address = Ipv4.parse(written);
    if (address !== undefined) return { kind: 'address', address };
    const kind = this.#kinds.get(written);
    if (kind !== undefined) return { kind, name: written };
    const pod = parsePodName(written);
    if (this.#pods !== undefined && !this.#isPod(pod)) {
      const pods = [...this.#pods].map(name => name.replace(/^default\//, ''));
      const guess = didYouMean(written, [...pods, ...this.#kinds.keys()]);
      this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', `unknown pod or node "${written}"${guess}`);
    }
    return { kind: 'pod', ...pod };
  }

  /** Could a capture filter mean a machine or a pod by `written`? */
  isHost(written: string): boolean {
    return this.#kinds.has(written) || this.#pods === undefined || this.#isPod(parsePodName(written));
  }

  node(written: string, path: Path): void {
    if (this.#kinds.get(written) === 'node') return;
    const nodes = this.#fabric.nodes.map(node => node.name);
    const message = `unknown node "${written}"${didYouMean(written, nodes)}`;
    this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', message);
  }

  machine(written: string, kinds: readonly MachineKind[], path: Path): void {
    const kind = this.#kinds.get(written);
    if (kind !== undefined && kinds.includes(kind)) return;
    const candidates = [...this.#kinds].filter(([, each]) => kinds.includes(each)).map(([name]) => name);
    const message = `unknown ${kinds.join(' or ')} "${written}"${didYouMean(written, candidates)}`;
    this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', message);
  }

  /** A session's other side. Of a router with several addresses, the one that shares a subnet with `on`. */
  peer(written: string, on: string, path: Path): Ipv4.Ipv4Address {
    const address = Ipv4.parse(written) ?? this.#fabric.nodes.find(node => node.name === written)?.address;
    if (address !== undefined) return address;
    const router = this.#fabric.routers.find(each => each.name === written);
    if (router === undefined) {
      this.machine(written, ['node', 'router'], path);
      return 0;
    }
    const subnet = this.#fabric.nodes.find(node => node.name === on)?.subnet;
    const near = router.interfaces.find(each => each.subnet === subnet) ?? router.interfaces[0];
    return near?.address ?? 0;
  }

  #isPod({ namespace, name }: KnownPod): boolean {
    return this.#pods?.has(`${namespace}/${name}`) === true;
  }
}
