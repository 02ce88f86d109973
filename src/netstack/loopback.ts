/** `lo`: what is sent comes back, at the same instant, with an Ethernet header of zeros. */
import type { Frame } from '../sim/frame-store.ts';
import * as Ethernet from '../wire/ethernet.ts';
import type { Namespace } from './namespace.ts';
import { NetDevice } from './netdevice.ts';

const MTU = 65536;

export class Loopback extends NetDevice {
  readonly kind = 'loopback';
  readonly needsNeighbour = false;
  readonly carrier = true;
  readonly #header = new Ethernet.HeaderTemplate();

  constructor(namespace: Namespace) {
    super(namespace, 'lo', namespace.nextIndex(), MTU);
    this.#header.set(0, 0, Ethernet.TYPE_IPV4);
    namespace.attach(this);
  }

  transmit(frame: Frame): void {
    const { host, frames } = this.namespace;
    const at = frames.push(frame, Ethernet.HEADER_LENGTH);
    this.#header.emit(frames.view(frame), at);
    this.egress(frame);
    host.handOver(this, frame);
  }
}
