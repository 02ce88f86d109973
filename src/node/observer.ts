/**
 * What the outside sees of a machine beyond its answers: captures, traces by BIRD's classes, dropped frames. While
 * nobody looks a packet pays one boolean test at each device, and an event another.
 *
 *   packets     every packet at every device, as tcpdump prints it, and where it dies
 *   interfaces  devices that come, go, go up and down; addresses
 *   others      said by whom it happens to: speaker, Felix, kubelet, confd, FIB
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { NetHost } from '../netstack/host.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { DeviceAddress, Direction, NetDevice } from '../netstack/netdevice.ts';
import type { Tracer } from '../netstack/trace-point.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import { type ObserveSpec, WHOLE_LAB } from '../trace/observation.ts';
import type { LabRecord, TraceClass } from '../trace/record.ts';
import { describe, TcpdumpState } from '../wire/describe.ts';
import * as Pcap from '../wire/pcap.ts';
import { CaptureTable } from './captures.ts';

/** Enough of a packet for its line: headers of the deepest encapsulation and the beginning of a message. */
const DESCRIBED_OCTETS = 512;

export class Observer implements Tracer {
  readonly captures: CaptureTable;
  readonly #host: NetHost;
  readonly #report: (record: LabRecord) => void;
  #classes: ReadonlySet<TraceClass> = new Set();
  #drops = false;
  #interfaces: InterfaceWatch | undefined;
  /** By device: connections seen, for relative sequence numbers. */
  readonly #conversations = new WeakMap<NetDevice, TcpdumpState>();

  constructor(host: NetHost, report: (record: LabRecord) => void) {
    this.#host = host;
    this.#report = report;
    this.captures = new CaptureTable(host, report);
  }

  /** As the specification says, before the first event. */
  begin({ capture, trace }: ObserveSpec): void {
    if (capture !== false) {
      const whole = {
        capture: WHOLE_LAB,
        namespace: '*',
        device: 'any',
        snapLength: Pcap.DEFAULT_SNAP_LENGTH,
      };
      this.captures.start(capture === true ? whole : { ...whole, only: capture });
    }
    this.#classes = new Set(trace);
    if (this.traces('interfaces')) this.#interfaces = new InterfaceWatch();
    this.changed();
  }

  /** From now on; what is there already is not told as news. */
  trace(classes: readonly TraceClass[]): void {
    this.#classes = new Set(classes);
    this.#interfaces = this.traces('interfaces') ? new InterfaceWatch() : undefined;
    this.#interfaces?.look(this.#host.namespaces, () => {});
    this.changed();
  }

  /** Whether to report every frame that dies, or only those of probes. */
  reportDrops(on: boolean): void {
    this.#drops = on;
    this.changed();
  }

  /** Call after captures were started or stopped. */
  changed(): void {
    const packets = this.captures.size > 0 || this.#drops || this.traces('packets');
    this.#host.trace(packets ? this : undefined);
    this.#host.watched = this.captures.size > 0 || this.#interfaces !== undefined;
  }

  traces(what: TraceClass): boolean {
    return this.#classes.has(what);
  }

  /** A line of class `what`, made only if somebody reads it. */
  say(what: TraceClass, text: () => string): void {
    if (this.traces(what)) this.#report({ type: 'trace', class: what, text: text() });
  }

  /** An event is over. */
  settled(): void {
    this.captures.settled();
    this.#interfaces?.look(this.#host.namespaces, text => this.say('interfaces', () => text));
  }

  pass(device: NetDevice, frame: Frame, direction: Direction): void {
    this.say('packets', () => {
      const arrow = direction === 'receive' ? 'In ' : 'Out';
      return `${placeOf(device.namespace, device)} ${arrow} ${this.#line(device, frame)}`;
    });
  }

  drop(namespace: Namespace, device: NetDevice | undefined, reason: DropReason, frame: Frame): void {
    this.captures.died(frame, reason);
    this.say('packets', () => `${placeOf(namespace, device)} dropped: ${reason}`);
    // A tagged frame's drop is reported by the host.
    if (!this.#drops || this.#host.frames.tag[frame] !== 0) return;
    this.#report({ type: 'drop', tag: 0, namespace: namespace.name, device: device?.name ?? '', reason });
  }

  #line(device: NetDevice, frame: Frame): string {
    const { frames } = this.#host;
    let state = this.#conversations.get(device);
    if (state === undefined) {
      state = new TcpdumpState();
      this.#conversations.set(device, state);
    }
    const packet = {
      linkType: device.kind === 'ipip' ? Pcap.LINKTYPE_RAW : Pcap.LINKTYPE_ETHERNET,
      captured: frames.materialise(frame, DESCRIBED_OCTETS),
      originalLength: frames.length(frame),
    };
    return describe(packet, { linkHeader: false, numeric: true, verbose: 0 }, state).replaceAll('\n', ' ');
  }
}

/** `tunl0`, `default/pod1/eth0`. */
const placeOf = (namespace: Namespace, device: NetDevice | undefined): string =>
  [namespace.name, device?.name ?? 'ip'].filter(part => part !== '').join('/');

interface Seen {
  readonly up: boolean;
  readonly carrier: boolean;
  readonly mtu: number;
  readonly addresses: readonly DeviceAddress[];
}

const ABSENT: Seen = { up: false, carrier: true, mtu: 0, addresses: [] };

/** Compares the devices of a machine with what they were: the stack itself tells nobody. */
class InterfaceWatch {
  readonly #seen = new Map<NetDevice, Seen>();

  look(namespaces: readonly Namespace[], say: (text: string) => void): void {
    const there = new Set<NetDevice>();
    for (const namespace of namespaces) {
      for (const device of namespace.devices) {
        there.add(device);
        this.#compare(device, say);
      }
    }
    for (const device of this.#seen.keys()) {
      if (there.has(device)) continue;
      this.#seen.delete(device);
      say(`interface ${placeOf(device.namespace, device)} removed`);
    }
  }

  #compare(device: NetDevice, say: (text: string) => void): void {
    const { up, carrier, mtu, addresses } = device;
    const known = this.#seen.get(device);
    const was = known ?? ABSENT;
    if (was.up === up && was.carrier === carrier && was.mtu === mtu && was.addresses === addresses) return;
    this.#seen.set(device, { up, carrier, mtu, addresses });
    const name = `interface ${placeOf(device.namespace, device)}`;
    if (known === undefined) say(`${name} created, mtu ${mtu}`);
    else if (was.mtu !== mtu) say(`${name} mtu ${was.mtu} -> ${mtu}`);
    if (was.up !== up) say(`${name} goes ${up ? 'up' : 'down'}`);
    if (was.carrier !== carrier) say(`${name} ${carrier ? 'has its carrier back' : 'lost its carrier'}`);
    for (const { address, length } of was.addresses)
      if (!has(addresses, address, length)) say(`${name} address ${Ipv4.format(address)}/${length} removed`);
    for (const { address, length } of addresses)
      if (!has(was.addresses, address, length))
        say(`${name} address ${Ipv4.format(address)}/${length} added`);
  }
}

const has = (list: readonly DeviceAddress[], address: number, length: number): boolean =>
  list.some(other => other.address === address && other.length === length);
