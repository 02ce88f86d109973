/** Captures on a machine: taps on devices whose packets are reported, payload and all, as real octets. */
import type { NetHost } from '../netstack/host.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { Direction, NetDevice } from '../netstack/netdevice.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { PacketRecord } from '../trace/record.ts';

export interface CaptureRequest {
  readonly capture: number;
  /** `*`: every namespace of the machine. */
  readonly namespace: string;
  /** `any`: every device. */
  readonly device: string;
  /** Octets kept of each packet. */
  readonly snapLength: number;
}

export class CaptureTable {
  readonly #host: NetHost;
  readonly #report: (record: PacketRecord) => void;
  readonly #stops = new Map<number, (() => void)[]>();

  constructor(host: NetHost, report: (record: PacketRecord) => void) {
    this.#host = host;
    this.#report = report;
  }

  start(request: CaptureRequest): void {
    const devices = this.#host.namespaces
      .filter(n => request.namespace === '*' || n.name === request.namespace)
      .flatMap(n => devicesOf(n, request.device));
    const stops = devices.map(device =>
      device.tap((frame, direction) => this.#take(request, device, frame, direction)),
    );
    this.#stops.set(request.capture, stops);
  }

  stop(capture: number): void {
    for (const stop of this.#stops.get(capture) ?? []) stop();
    this.#stops.delete(capture);
  }

  #take(request: CaptureRequest, device: NetDevice, frame: Frame, direction: Direction): void {
    const { frames } = this.#host;
    this.#report({
      type: 'packet',
      capture: request.capture,
      namespace: device.namespace.name,
      device: device.name,
      index: device.index,
      direction,
      link: device.kind === 'ipip' ? 'raw' : 'ether',
      octets: frames.materialise(frame, request.snapLength),
      length: frames.length(frame),
    });
  }
}

function devicesOf(namespace: Namespace, name: string): NetDevice[] {
  if (name === 'any') return namespace.devices;
  const device = namespace.device(name);
  return device === undefined ? [] : [device];
}
