/** A chain of routers between two hosts, and packets through it: for what has to be cheap. */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import { connect } from '../../src/fabric/wiring.ts';
import { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import type { SendRequest } from '../../src/netstack/transport.ts';
import * as Payload from '../../src/sim/payload.ts';
import { MICROSECOND } from '../../src/sim/time.ts';
import { LINK, route, TestBench, type TestHost } from './lab.ts';

/** An IP protocol that nobody speaks but the last host. */
const PROTOCOL = 253;

export class Chain extends TestBench {
  readonly hosts: TestHost[] = [];
  received = 0;
  readonly #first: Namespace;
  readonly #request: SendRequest;

  constructor(routers: number) {
    super();
    const last = routers + 1;
    for (let i = 0; i <= last; i++) this.#host(i, last);
    for (let i = 0; i < last; i++)
      connect({ process: this.hosts[i]!, jack: 1 }, { process: this.hosts[i + 1]!, jack: 0 }, LINK);
    const sink = this.hosts[last]!.namespaces[0]!;
    sink.transports[PROTOCOL] = {
      receive: frame => {
        this.received++;
        sink.deliver(frame);
      },
      error: () => undefined,
    };
    this.#first = this.hosts[0]!.namespaces[0]!;
    this.#request = {
      protocol: PROTOCOL,
      source: Ipv4.from('10.0.0.1'),
      destination: Ipv4.from(`10.${last - 1}.0.2`),
      ttl: 64,
      tos: 0,
      pmtu: 'want',
      device: undefined,
      sourcePort: 0,
      destinationPort: 0,
    };
  }

  /** Host `i` is 10.i-1.0.2 to its left and 10.i.0.1 to its right. */
  #host(i: number, last: number): void {
    const host = this.host(`h${i}`);
    const namespace = host.namespace(`h${i}`);
    namespace.sysctl.ipForward = true;
    if (i > 0) this.#nic(namespace, 0, `10.${i - 1}.0.2`);
    if (i < last) this.#nic(namespace, 1, `10.${i}.0.1`);
    for (let net = 0; net < last; net++) {
      if (net === i - 1 || net === i) continue;
      const right = net > i;
      const device = namespace.device(right ? 'eth1' : 'eth0')!;
      namespace.fib.replace(route(device, `10.${net}.0.0/24`, right ? `10.${i}.0.2` : `10.${i - 1}.0.1`));
    }
    this.hosts.push(host);
  }

  #nic(namespace: Namespace, jack: number, address: string): void {
    const mac = 0x0200_0000_0000 + Ipv4.from(address);
    const device = new EthernetDevice(namespace, `eth${jack}`, { mac, mtu: 1500, jack });
    namespace.addAddress(device, Ipv4.from(address), 24);
    namespace.setUp(device, true);
  }

  /** Send `count` packets of `length` octets behind the IPv4 header, eight every ten microseconds, and wait for them. */
  send(count: number, length: number): void {
    const { frames } = this.partition;
    const burst = (): void => {
      for (let i = 0; i < 8; i++) {
        const frame = frames.allocate();
        frames.append(frame, 8);
        frames.setPayload(frame, Payload.ZERO, 0, length - 8, null);
        this.#first.send(frame, this.#request);
      }
      left -= 8;
      if (left > 0) timer.arm(this.#first.clock.now + 10 * MICROSECOND);
    };
    let left = count;
    const timer = this.#first.clock.timer(burst);
    this.hosts[0]!.act(this.now, () => timer.arm(this.now + 10 * MICROSECOND));
    this.run((count / 8 + 1000) * 10 * MICROSECOND);
  }
}
