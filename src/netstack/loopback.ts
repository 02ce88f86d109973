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

  constructor(namespace: Namespace) {
    super(namespace, 'lo', namespace.nextIndex(), MTU);
    namespace.attach(this);
  }

  transmit(frame: Frame): void {
    const { host, frames } = this.namespace;
    const at = frames.push(frame, Ethernet.HEADER_LENGTH);
    const view = frames.view(frame);
    Ethernet.setDestination(view, at, 0);
    Ethernet.setSource(view, at, 0);
    Ethernet.setEtherType(view, at, Ethernet.TYPE_IPV4);
    this.egress(frame);
    host.handOver(this, frame);
  }
}
