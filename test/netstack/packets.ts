/** IPv4 packets in a frame store, for tests of what looks at packets. Checksums are right. */
import * as Address from '../../src/addr/ipv4.ts';
import type { Frame, FrameStore } from '../../src/sim/frame-store.ts';
import * as Payload from '../../src/sim/payload.ts';
import * as Icmp from '../../src/wire/icmpv4.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Tcp from '../../src/wire/tcp.ts';
import * as Udp from '../../src/wire/udp.ts';

export interface Flow {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

export const back = (flow: Flow): Flow => ({
  source: flow.destination,
  destination: flow.source,
  sourcePort: flow.destinationPort ?? 0,
  destinationPort: flow.sourcePort ?? 0,
});

/** Put an IPv4 header in front of the frame's octets. `start` stays there. */
function withIpv4(frames: FrameStore, frame: Frame, flow: Flow, protocol: number): Frame {
  const totalLength = frames.length(frame) + Ipv4.MIN_HEADER_LENGTH;
  const at = frames.push(frame, Ipv4.MIN_HEADER_LENGTH);
  Ipv4.emit(frames.view(frame), at, {
    tos: 0,
    totalLength,
    identification: 1,
    flags: 0,
    fragmentOffset: 0,
    ttl: 64,
    protocol,
    source: Address.from(flow.source),
    destination: Address.from(flow.destination),
  });
  return frame;
}

export function udp(frames: FrameStore, flow: Flow, payload = 40): Frame {
  const frame = frames.allocate();
  const at = frames.append(frame, Udp.HEADER_LENGTH);
  frames.setPayload(frame, Payload.RAMP, 3, payload, null);
  const length = Udp.HEADER_LENGTH + payload;
  const view = frames.view(frame);
  const { sourcePort = 0, destinationPort = 0 } = flow;
  Udp.emit(view, at, { sourcePort, destinationPort, length, checksum: 0 });
  const [source, destination] = [Address.from(flow.source), Address.from(flow.destination)];
  Udp.setChecksum(view, at, Udp.checksum(view, at, source, destination, length, frames.payloadSum(frame)));
  return withIpv4(frames, frame, flow, Ipv4.PROTOCOL_UDP);
}

export function tcp(frames: FrameStore, flow: Flow, flags: number): Frame {
  const frame = frames.allocate();
  const at = frames.append(frame, Tcp.MIN_HEADER_LENGTH);
  const view = frames.view(frame);
  const { sourcePort = 0, destinationPort = 0 } = flow;
  Tcp.emit(view, at, {
    sourcePort,
    destinationPort,
    sequence: 1,
    acknowledgment: 2,
    flags,
    window: 1000,
    checksum: 0,
    urgentPointer: 0,
    options: Tcp.NO_OPTIONS,
  });
  const [source, destination] = [Address.from(flow.source), Address.from(flow.destination)];
  const length = Tcp.MIN_HEADER_LENGTH;
  Tcp.setChecksum(view, at, Tcp.checksum(view, at, length, source, destination, length, 0));
  return withIpv4(frames, frame, flow, Ipv4.PROTOCOL_TCP);
}

export function echo(frames: FrameStore, flow: Flow, type: number, identifier: number, sequence = 1): Frame {
  const frame = frames.allocate();
  const at = frames.append(frame, Icmp.HEADER_LENGTH);
  frames.setPayload(frame, Payload.RAMP, 0, 56, null);
  const view = frames.view(frame);
  Icmp.emit(view, at, { type, code: 0, checksum: 0, rest: Icmp.echoRest(identifier, sequence) });
  Icmp.setChecksum(view, at, Icmp.checksum(view, at, frames.end[frame]!, frames.payloadSum(frame)));
  return withIpv4(frames, frame, flow, Ipv4.PROTOCOL_ICMP);
}

/** An ICMP error from `from` about `quoted`, whose headers it quotes; `quoted` is left alone. */
export function error(frames: FrameStore, from: string, quoted: Frame, type: number, code: number): Frame {
  const frame = frames.copy(quoted);
  const view = frames.view(frame);
  const destination = Address.format(Ipv4.source(view, frames.start[frame]!));
  const at = frames.push(frame, Icmp.HEADER_LENGTH);
  Icmp.emit(view, at, { type, code, checksum: 0, rest: 0 });
  Icmp.setChecksum(view, at, Icmp.checksum(view, at, frames.end[frame]!, frames.payloadSum(frame)));
  return withIpv4(frames, frame, { source: from, destination }, Ipv4.PROTOCOL_ICMP);
}

/** `ICMP 8/0 id 7`, `UDP 4000 > 53`, with the addresses; and what a quoted packet says. Throws on a bad checksum. */
export function describe(frames: FrameStore, frame: Frame, from = frames.start[frame]!): string {
  const view = frames.view(frame);
  const end = frames.end[frame]!;
  const transport = from + Ipv4.headerLength(view, from);
  const fault = Ipv4.check(view, from, end, 65535);
  if (fault !== Ipv4.Fault.None) throw new Error(`IPv4 header: fault ${fault}`);
  const [source, destination] = [Ipv4.source(view, from), Ipv4.destination(view, from)];
  const addresses = `${Address.format(source)} > ${Address.format(destination)}`;
  const sum = frames.payloadSum(frame);
  const length = Ipv4.totalLength(view, from) - Ipv4.headerLength(view, from);
  switch (Ipv4.protocol(view, from)) {
    case Ipv4.PROTOCOL_UDP:
      if (!Udp.isValid(view, transport, source, destination, length, sum)) throw new Error('UDP checksum');
      return `${addresses} UDP ${Udp.sourcePort(view, transport)} > ${Udp.destinationPort(view, transport)}`;
    case Ipv4.PROTOCOL_TCP:
      if (!Tcp.isValid(view, transport, 20, source, destination, length, sum))
        throw new Error('TCP checksum');
      return `${addresses} TCP ${Tcp.sourcePort(view, transport)} > ${Tcp.destinationPort(view, transport)}`;
    case Ipv4.PROTOCOL_ICMP: {
      if (!Icmp.isValid(view, transport, end, sum)) throw new Error('ICMP checksum');
      const type = Icmp.type(view, transport);
      const text = `${addresses} ICMP ${type}/${Icmp.code(view, transport)}`;
      if (!Icmp.isError(type)) return `${text} id ${Icmp.identifier(view, transport)}`;
      return `${text} [${describe(frames, frame, transport + Icmp.HEADER_LENGTH)}]`;
    }
    default:
      return `${addresses} proto ${Ipv4.protocol(view, from)}`;
  }
}
