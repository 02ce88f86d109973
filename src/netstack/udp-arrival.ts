/**
 * The datagram in a frame, as a program sees it: read where it lies and only what is asked for, while the frame is there.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import * as Frames from '../sim/frame-store.ts';
import * as Payloads from '../sim/payload.ts';
import * as Ipv4Codec from '../wire/ipv4.ts';
import * as UdpCodec from '../wire/udp.ts';
import type { NetDevice } from './netdevice.ts';
import type { UdpDatagram } from './udp-socket.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ipv4 = { ...Ipv4Codec };
const Payload = { ...Payloads };
const Udp = { ...UdpCodec };
const { NO_FRAME } = Frames;

export class UdpArrival implements UdpDatagram {
  device: NetDevice | undefined;
  readonly #frames: FrameStore;
  #frame: Frame = NO_FRAME;
  /** Where its IPv4 header is; the frame begins with the UDP header. */
  #ipAt = 0;

  constructor(frames: FrameStore) {
    this.#frames = frames;
  }

  show(frame: Frame, ipAt: number, device: NetDevice): void {
    this.#frame = frame;
    this.#ipAt = ipAt;
    this.device = device;
  }

  get source(): Ipv4Address {
    return Ipv4.source(this.#view, this.#ipAt);
  }

  get destination(): Ipv4Address {
    return Ipv4.destination(this.#view, this.#ipAt);
  }

  get sourcePort(): number {
    return Udp.sourcePort(this.#view, this.#at);
  }

  get ttl(): number {
    return Ipv4.ttl(this.#view, this.#ipAt);
  }

  get tos(): number {
    return Ipv4.tos(this.#view, this.#ipAt);
  }

  get tag(): number {
    return this.#frames.tag[this.#frame]!;
  }

  get length(): number {
    return this.#frames.length(this.#frame) - Udp.HEADER_LENGTH;
  }

  get pattern(): Payloads.Pattern {
    return this.#isVirtual ? (this.#frames.pattern[this.#frame]! as Payloads.Pattern) : Payload.REAL;
  }

  get offset(): number {
    return this.#isVirtual ? this.#frames.payloadOffset[this.#frame]! : 0;
  }

  /** A copy when some of them lie behind the header. */
  get bytes(): Uint8Array | null {
    if (this.#isVirtual) return this.#frames.real[this.#frame] ?? null;
    return this.#frames.materialise(this.#frame).subarray(Udp.HEADER_LENGTH);
  }

  /** A copy that outlives the frame. */
  keep(): UdpDatagram {
    const { source, sourcePort, destination, ttl, tos, device, tag, pattern, offset, length, bytes } = this;
    return { source, sourcePort, destination, ttl, tos, device, tag, pattern, offset, length, bytes };
  }

  get #view(): DataView {
    return this.#frames.view(this.#frame);
  }

  get #at(): number {
    return this.#frames.start[this.#frame]!;
  }

  /** Is all of its data described, none of it real octets in the frame? */
  get #isVirtual(): boolean {
    return this.#frames.end[this.#frame] === this.#at + Udp.HEADER_LENGTH;
  }
}
