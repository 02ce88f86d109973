/** A network interface card: `eth0` of a node, on a link of the fabric. */
import type { MacAddress } from '../addr/mac.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { Namespace } from './namespace.ts';
import { NetDevice } from './netdevice.ts';

export interface EthernetOptions {
  readonly mac: MacAddress;
  readonly mtu: number;
  /** The host's jack that it is plugged into, in both directions. */
  readonly jack: number;
  readonly altnames?: readonly string[];
}

export class EthernetDevice extends NetDevice {
  readonly kind = 'ether';
  readonly needsNeighbour = true;

  constructor(namespace: Namespace, name: string, options: EthernetOptions) {
    super(namespace, name, namespace.nextIndex(), options.mtu, options.jack);
    this.mac = options.mac;
    // Known by all its names from the beginning: who hears of a new device may look for one of them.
    this.altnames = options.altnames ?? [];
    namespace.attach(this);
    namespace.host.plug(options.jack, this);
  }

  /** -1 without a cable: nothing is learnt to go out there. */
  override get outputJack(): number {
    return this.namespace.host.outputs[this.jack] === undefined ? -1 : this.jack;
  }

  get carrier(): boolean {
    return this.namespace.host.outputs[this.jack]?.up === true;
  }

  /**
   * The cable is pulled out or put in again: what is sent dies here, and what was learnt about the others is void. Frames
   * that are on their way still arrive; the other end has to be told as well.
   */
  setCarrier(up: boolean): void {
    const output = this.namespace.host.outputs[this.jack];
    if (output === undefined || output.up === up) return;
    output.up = up;
    if (!up) this.namespace.carrierLost(this);
  }

  transmit(frame: Frame): void {
    const { namespace } = this;
    const { host } = namespace;
    const output = host.outputs[this.jack];
    if (output === undefined || !this.up) {
      namespace.drop(frame, 'LINK_DOWN', this);
      return;
    }
    this.egress(frame);
    const refusal = output.transmit(frame);
    if (refusal !== undefined) {
      this.countRefused();
      namespace.drop(frame, refusal, this);
    }
  }
}
