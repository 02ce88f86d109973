/** Damaged frames against a lab of four nodes, a router and two switches. Not a test file. */
import * as Ipv4Address from '../../src/addr/ipv4.ts';
import { NetHost } from '../../src/netstack/host.ts';
import type { NetDevice } from '../../src/netstack/netdevice.ts';
import { TcpLayer } from '../../src/netstack/tcp/tcp-layer.ts';
import type { Frame, FrameStore } from '../../src/sim/frame-store.ts';
import * as Payload from '../../src/sim/payload.ts';
import type { Random } from '../../src/sim/random.ts';
import { MICROSECOND, SECOND } from '../../src/sim/time.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import { joined } from '../../src/wire/octets.ts';
import { assert } from '../kit.ts';
import { Lab, type Mode } from '../netstack/lab.ts';
import { mutated } from './mutator.ts';

export const MODES: readonly Mode[] = ['ipip-always', 'vxlan-always', 'direct-nopeer'];

const BGP_PORT = 179;
const PROTOCOL_IPIP = 4;
const VXLAN_PORT = 4789;
/** Headers lie in the frame's slot, what comes behind is payload. */
const SLOT_ROOM = 150;
/** Frames at one instant, and the time after it. */
const BURST = 32;
const PAUSE = 200 * MICROSECOND;
/** Longer than any timer of ours that holds a frame: reassembly 30 s, TCP's last retransmission minutes. */
const CALM = 1200 * SECOND;

interface Seed {
  readonly device: NetDevice;
  readonly octets: Uint8Array;
}

/** A lab in which TCP listens everywhere, with the frames of ordinary traffic as every device received them. */
class FrameTarget {
  readonly lab: Lab;
  readonly devices: NetDevice[] = [];
  /** Where what was seen. */
  readonly seeds: Seed[] = [];

  constructor(mode: Mode) {
    this.lab = new Lab(mode);
    for (const [name, namespace] of this.lab.namespaces) {
      const tcp = new TcpLayer(namespace);
      namespace.transports[Ipv4.PROTOCOL_TCP] = tcp;
      this.lab.at(name, () =>
        tcp.listen(BGP_PORT, () => ({
          established: () => undefined,
          received: (stream, octets) => stream.write(octets),
          closed: () => undefined,
        })),
      );
      this.devices.push(...namespace.devices.filter(device => device.kind !== 'loopback'));
    }
    this.#listen();
  }

  /** Pings, a fragmented one, a traceroute's first hop, a refused port and a TCP connection, through every tap. */
  #listen(): void {
    const { lab } = this;
    const stop = this.devices.map(device =>
      device.tap((frame, direction) => {
        if (direction === 'receive')
          this.seeds.push({ device, octets: lab.partition.frames.materialise(frame) });
      }),
    );
    lab.ping('pod1', '172.16.184.4');
    lab.ping('pod1', '172.16.34.1', { dataLength: 2000, pmtu: 'dont' });
    lab.ping('pod1', '172.16.34.1', { ttl: 1 });
    lab.ping('k8s-m', '192.168.20.100');
    for (const [from, to, port] of [
      ['k8s-m', '192.168.10.101', BGP_PORT],
      ['pod1', '172.16.184.4', BGP_PORT],
      ['pod1', '172.16.34.1', 80],
    ] as const)
      this.#converse(from, to, port);
    for (const off of stop) off();
  }

  #converse(from: string, to: string, remotePort: number): void {
    const { lab } = this;
    const tcp = lab.namespace(from).transports[Ipv4.PROTOCOL_TCP] as TcpLayer;
    const remoteAddress = Ipv4Address.from(to);
    lab.at(from, () => {
      tcp.connect(
        { remoteAddress, remotePort },
        {
          established: stream => stream.write(Uint8Array.from({ length: 300 }, (_, i) => i & 255)),
          received: stream => stream.close(),
          closed: () => undefined,
        },
      );
    });
    lab.run(SECOND);
  }
}

/** `many` damaged frames at random devices: nothing is thrown, no frame is lost from the books, and pods still talk. */
export function fuzzFrames(random: Random, mode: Mode, many: number): Map<string, number> {
  const target = new FrameTarget(mode);
  const { lab, devices, seeds } = target;
  assert.is(lab.imbalance(), 0, 'the books are right before');
  const any = (): Seed => seeds[random.below(seeds.length)]!;
  for (let i = 0; i < many; i++) {
    const seed = any();
    // Mostly where it belongs, with a link header that is sound: nothing else gets far.
    const device = random.below(8) === 0 ? devices[random.below(devices.length)]! : seed.device;
    const octets = damaged(random, seed, any().octets);
    try {
      inject(lab, device, octets);
      if (i % BURST === BURST - 1) lab.run(PAUSE);
    } catch (error) {
      const where = `${device.namespace.name} ${device.name}`;
      throw new Error(`${mode}: frame ${i} at ${where}: ${Buffer.from(octets).toString('hex')}`, {
        cause: error,
      });
    }
  }
  lab.run(CALM);
  assert.is(lab.imbalance(), 0, `${mode}: originated = delivered + dropped + in flight`);
  assert.ok(recovers(lab), `${mode}: pod1 still reaches pod2`);
  const reasons = new Map<string, number>();
  for (const process of lab.partition.processes) {
    if (!(process instanceof NetHost)) continue;
    for (const [reason, count] of process.account.reasons)
      reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }
  return reasons;
}

function damaged(random: Random, { device, octets }: Seed, other: Uint8Array): Uint8Array {
  const link = device.kind === 'ipip' ? 0 : 14;
  const keep = random.below(8) === 0 ? 0 : link;
  const out = joined([octets.subarray(0, keep), mutated(random, octets.subarray(keep), other)]);
  const isIpv4 = link === 0 || (out[12] === 8 && out[13] === 0);
  if (isIpv4 && random.below(4) !== 0) repair(out, link);
  return out;
}

/** Make the IPv4 header's checksum right, so that the damage gets behind it. */
function repair(octets: Uint8Array, at: number): void {
  const end = at + (octets[at]! & 15) * 4;
  if (octets.length < end || end < at + 20) return;
  octets[at + 10] = 0;
  octets[at + 11] = 0;
  let sum = 0;
  for (let i = at; i < end; i += 2) sum += octets[i]! * 256 + octets[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  octets[at + 10] = (~sum >> 8) & 255;
  octets[at + 11] = ~sum & 255;
}

/** What ARP has been told may be wrong, as on real networks; within a minute the neighbour tables find out. */
function recovers(lab: Lab): boolean {
  for (let attempt = 0; attempt < 4; attempt++)
    if (lab.ping('pod1', '172.16.184.4', {}, 15 * SECOND).reply !== undefined) return true;
  return false;
}

function inject(lab: Lab, device: NetDevice, octets: Uint8Array): void {
  const { host } = device.namespace;
  const { frames } = lab.partition;
  lab.at(device.namespace.name, () => {
    const frame = put(frames, octets, device.kind !== 'ipip');
    host.account.originated++;
    device.ingress(frame);
  });
}

/** As a sender makes it: headers in the slot, the rest as payload. */
function put(frames: FrameStore, octets: Uint8Array, isEthernet: boolean): Frame {
  const frame = frames.allocate();
  const length = Math.min(octets.length, headersOf(octets, isEthernet), SLOT_ROOM);
  const at = frames.append(frame, length);
  frames.bytes(frame).set(octets.subarray(0, length), at);
  const rest = octets.slice(length);
  frames.setPayload(frame, rest.length === 0 ? Payload.ZERO : Payload.REAL, 0, rest.length, rest);
  return frame;
}

/** Length of all headers, as far as they can be made out. */
function headersOf(octets: Uint8Array, isEthernet: boolean): number {
  const at = isEthernet ? 14 : 0;
  const type = isEthernet ? octets[12]! * 256 + octets[13]! : 0x0800;
  if (type === 0x0806) return at + 28;
  if (type !== 0x0800 || octets.length < at + 20 || (octets[at]! & 15) < 5) return octets.length;
  const transport = at + (octets[at]! & 15) * 4;
  switch (octets[at + 9]) {
    case PROTOCOL_IPIP:
      return transport + headersOf(octets.subarray(transport), false);
    case Ipv4.PROTOCOL_TCP:
      return transport + (octets[transport + 12]! >> 4) * 4;
    case Ipv4.PROTOCOL_UDP: {
      const isVxlan = octets[transport + 2]! * 256 + octets[transport + 3]! === VXLAN_PORT;
      return isVxlan ? transport + 16 + headersOf(octets.subarray(transport + 16), true) : transport + 8;
    }
    default:
      return transport + 8;
  }
}
