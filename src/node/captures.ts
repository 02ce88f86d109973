/**
 * Captures on a machine: taps on devices whose packets are reported, payload and all, as real octets.
 *
 * What passed is held back until the event that it belongs to is over: a packet that dies in it is reported with the
 * reason, on the last device that saw it. One that dies later, in a queue, is reported without; one that dies at a switch
 * is shown there once more (fabric/switch.ts).
 */
import type { NetHost } from '../netstack/host.ts';
import type { Direction, NetDevice } from '../netstack/netdevice.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import { type DevicePattern, fitsAny } from '../trace/observation.ts';
import type { PacketRecord } from '../trace/record.ts';

export interface CaptureRequest {
  readonly capture: number;
  /** `*`: every namespace of the machine. */
  readonly namespace: string;
  /** `any`: every device. */
  readonly device: string;
  /** Of those, only these. */
  readonly only?: readonly DevicePattern[];
  /** Octets kept of each packet. */
  readonly snapLength: number;
}

interface Capture {
  readonly request: CaptureRequest;
  readonly stops: (() => void)[];
}

/** A packet that passed a device in the event that is under way. */
interface Passed {
  readonly record: PacketRecord;
  readonly frame: Frame;
  /** Where its headers began and ended, and the length of what lay behind: tells it from the frame's next user. */
  readonly start: number;
  readonly end: number;
  readonly payloadLength: number;
  dropped: DropReason | undefined;
}

/** So many last octets of the headers must agree for a dead frame to be taken for one that passed. */
const SIGNATURE = 8;

export class CaptureTable {
  readonly #host: NetHost;
  readonly #report: (record: PacketRecord) => void;
  readonly #running = new Map<number, Capture>();
  #passed: Passed[] = [];

  constructor(host: NetHost, report: (record: PacketRecord) => void) {
    this.#host = host;
    this.#report = report;
  }

  get size(): number {
    return this.#running.size;
  }

  start(request: CaptureRequest): void {
    this.stop(request.capture);
    const capture: Capture = { request, stops: [] };
    this.#running.set(request.capture, capture);
    for (const namespace of this.#host.namespaces)
      for (const device of namespace.devices) this.#tap(capture, device);
  }

  stop(capture: number): void {
    for (const stop of this.#running.get(capture)?.stops ?? []) stop();
    this.#running.delete(capture);
  }

  /** A device was made: captures that cover it see it from its first packet on. */
  deviceAdded(device: NetDevice): void {
    for (const capture of this.#running.values()) this.#tap(capture, device);
  }

  /** A frame died. `frames.start` is wherever the layer was that had it. */
  died(frame: Frame, reason: DropReason): void {
    const marked = new Set<number>();
    for (let i = this.#passed.length - 1; i >= 0; i--) {
      const passed = this.#passed[i]!;
      if (marked.has(passed.record.capture) || !this.#isSame(passed, frame)) continue;
      marked.add(passed.record.capture);
      passed.dropped = reason;
    }
  }

  /** The event is over: report what passed in it. */
  settled(): void {
    if (this.#passed.length === 0) return;
    const passed = this.#passed;
    this.#passed = [];
    for (const { record, dropped } of passed)
      this.#report(dropped === undefined ? record : { ...record, dropped });
  }

  #tap({ request, stops }: Capture, device: NetDevice): void {
    if (request.namespace !== '*' && request.namespace !== device.namespace.name) return;
    const { device: name, only } = request;
    if (name !== 'any' && name !== device.name && !device.altnames.includes(name)) return;
    if (only !== undefined && !fitsAny(only, device.namespace.name, [device.name, ...device.altnames]))
      return;
    stops.push(device.tap((frame, direction) => this.#take(request, device, frame, direction)));
  }

  #take(request: CaptureRequest, device: NetDevice, frame: Frame, direction: Direction): void {
    const { frames } = this.#host;
    const record: PacketRecord = {
      type: 'packet',
      capture: request.capture,
      namespace: device.namespace.name,
      device: device.name,
      index: device.index,
      direction,
      link: device.kind === 'ipip' ? 'raw' : 'ether',
      octets: frames.materialise(frame, request.snapLength),
      length: frames.length(frame),
    };
    this.#passed.push({
      record,
      frame,
      start: frames.start[frame]!,
      end: frames.end[frame]!,
      payloadLength: frames.payloadLength[frame]!,
      dropped: undefined,
    });
  }

  /** A frame that was delivered is free, and may have been used again: its number alone says nothing. */
  #isSame({ record, frame, start, end, payloadLength }: Passed, dead: Frame): boolean {
    const { frames } = this.#host;
    if (frame !== dead || frames.end[dead] !== end || frames.payloadLength[dead] !== payloadLength)
      return false;
    const bytes = frames.bytes(dead);
    const from = Math.max(start, end - SIGNATURE);
    for (let at = from; at < end && at - start < record.octets.length; at++)
      if (bytes[at] !== record.octets[at - start]) return false;
    return true;
  }
}
