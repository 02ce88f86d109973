/** A speaker with one Established session whose peer is the test, octet by octet. Not a test file. */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import type * as Prefix from '../../src/addr/prefix.ts';
import { ACCEPT } from '../../src/bgp/filter.ts';
import type { Stream, StreamEvents, StreamStack } from '../../src/bgp/ports.ts';
import type { Route } from '../../src/bgp/route.ts';
import { Speaker } from '../../src/bgp/speaker.ts';
import { Random } from '../../src/sim/random.ts';
import * as Header from '../../src/wire/bgp/header.ts';
import * as Message from '../../src/wire/bgp/message.ts';
import type { NotificationMessage } from '../../src/wire/bgp/notification.ts';
import type { UpdateContext } from '../../src/wire/bgp/update.ts';
import { FakeClock, FakeKernel } from '../bgp/net.ts';

export const OWN_AS = 64512;
export const PEER_AS = 65001;
const OWN = Ipv4.from('192.168.10.101');
export const PEER = Ipv4.from('192.168.10.254');

export class BgpTarget {
  readonly context: UpdateContext;
  readonly speaker: Speaker;
  /** The stream was closed or reset by the speaker. */
  closed = false;
  readonly #clock = new FakeClock();
  readonly #sent: Uint8Array[] = [];
  readonly #stream: Stream;
  #accept: ((stream: Stream) => StreamEvents | undefined) | undefined;
  #events: StreamEvents | undefined;

  constructor(external: boolean) {
    this.context = { as4: true, addPath: false, external };
    const streams: StreamStack = {
      connect: () => {
        throw new Error('the speaker is to wait');
      },
      listen: (_port, accept) => {
        this.#accept = accept;
        return () => undefined;
      },
    };
    const eth0 = { name: 'eth0', index: 2, up: true, addresses: [{ address: OWN, length: 24 }] };
    this.speaker = new Speaker(
      {
        routerId: OWN,
        localAs: OWN_AS,
        kernel: { learn: false },
        peers: [
          {
            name: 'peer',
            remoteAddress: PEER,
            remoteAs: external ? PEER_AS : OWN_AS,
            sourceAddress: OWN,
            passive: true,
            addPaths: false,
            importFilter: ACCEPT,
          },
        ],
      },
      {
        clock: this.#clock,
        random: new Random(1, 'fuzz/target'),
        streams,
        kernel: new FakeKernel([eth0], []),
        report: () => undefined,
      },
    );
    this.speaker.start();
    this.#stream = {
      localAddress: OWN,
      localPort: 179,
      remoteAddress: PEER,
      remotePort: 40_000,
      write: octets => void this.#sent.push(octets),
      writePart: (octets, from, to) => void this.#sent.push(octets.slice(from, to)),
      close: () => {
        this.closed = true;
      },
      abort: () => {
        this.closed = true;
      },
    };
    this.#establish(external ? PEER_AS : OWN_AS);
  }

  get established(): boolean {
    return [...this.speaker.peerings.values()][0]!.session.established;
  }

  /** The NOTIFICATION that the speaker sent, if it sent one; messages are read anew from their octets. */
  get notification(): NotificationMessage | undefined {
    return this.#sent
      .map(octets => Message.decode(octets, 0, Header.check(octets)!, this.context))
      .find(message => message.kind === 'notification');
  }

  /** Octets arrive, in two pieces that are cut at `cut`. The instant is settled afterwards. */
  feed(octets: Uint8Array, cut = octets.length): void {
    for (const piece of [octets.slice(0, cut), octets.slice(cut)])
      if (piece.length > 0 && !this.closed) this.#events!.received(this.#stream, piece);
    this.#clock.run(this.#clock.now);
  }

  /** The route that the peer's path to `prefix` has become. */
  route(prefix: Prefix.Prefix): Route | undefined {
    return this.speaker.table.get(prefix)?.routes.find(r => r.source.protocol.kind === 'bgp');
  }

  #establish(as: number): void {
    this.#events = this.#accept!(this.#stream);
    const open: Message.Message = {
      kind: 'open',
      version: 4,
      myAs: as,
      holdTimeSec: 240,
      identifier: PEER,
      capabilities: [
        { kind: 'multiprotocol', afi: 1, safi: 1 },
        { kind: 'route-refresh' },
        { kind: 'as4', as },
      ],
    };
    this.feed(Message.encode(open, this.context));
    this.feed(Message.encode(Message.KEEPALIVE, this.context));
    if (!this.established) throw new Error('the session did not come up');
  }
}
