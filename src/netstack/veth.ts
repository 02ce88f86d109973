/** A pair of Ethernet devices joined back to back: `eth0` of a pod and its `cali…` on the node. */
import type { MacAddress } from '../addr/mac.ts';
import type { Frame } from '../sim/frame-store.ts';
import * as EthernetCodec from '../wire/ethernet.ts';
import { VETH_JACKS } from './flow-table.ts';
import type { Namespace } from './namespace.ts';
import { NetDevice } from './netdevice.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ethernet = { ...EthernetCodec };

export interface VethEnd {
  readonly namespace: Namespace;
  readonly name: string;
  readonly mac: MacAddress;
  readonly mtu: number;
}

/** What Linux lets a frame exceed the MTU by: the Ethernet header and a VLAN tag. */
const SLACK = Ethernet.HEADER_LENGTH + 4;

export class Veth extends NetDevice {
  readonly kind = 'ether';
  readonly needsNeighbour = true;
  #peer: Veth | undefined;

  /** Use `vethPair`. */
  constructor(end: VethEnd) {
    super(end.namespace, end.name, end.namespace.nextIndex(), end.mtu);
    this.mac = end.mac;
    end.namespace.attach(this);
  }

  get peer(): Veth {
    return this.#peer!;
  }

  join(peer: Veth): void {
    this.#peer = peer;
  }

  override get inputJack(): number {
    return VETH_JACKS + this.number;
  }

  /** Its peer's, as long as that takes whatever this one sends. */
  override get outputJack(): number {
    const { peer } = this;
    return peer.up && this.mtu + Ethernet.HEADER_LENGTH <= peer.mtu + SLACK ? peer.inputJack : -1;
  }

  get carrier(): boolean {
    return this.peer.up;
  }

  transmit(frame: Frame): void {
    const { namespace, peer } = this;
    if (!this.up || !peer.up) {
      namespace.drop(frame, 'LINK_DOWN', this);
      return;
    }
    this.egress(frame);
    if (namespace.frames.length(frame) > peer.mtu + SLACK) {
      peer.countIgnored();
      peer.namespace.drop(frame, 'FRAME_TOO_LONG', peer);
      return;
    }
    namespace.host.handOver(peer, frame);
  }
}

/** `ip link add A type veth peer name B`: both down, `a` with the lower number. They must be of one host. */
export function vethPair(a: VethEnd, b: VethEnd): [Veth, Veth] {
  if (a.namespace.host !== b.namespace.host) throw new Error('the ends of a veth pair are of one host');
  const pair: [Veth, Veth] = [new Veth(a), new Veth(b)];
  pair[0].join(pair[1]);
  pair[1].join(pair[0]);
  return pair;
}
