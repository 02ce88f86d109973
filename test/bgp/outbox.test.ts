import fc from 'fast-check';
import * as Prefix from '../../src/addr/prefix.ts';
import { AdjRibIn } from '../../src/bgp/adj-rib-in.ts';
import { Advertisement, batch } from '../../src/bgp/advertisement.ts';
import { intern } from '../../src/bgp/attribute-table.ts';
import type { PeerConfig } from '../../src/bgp/config.ts';
import { filter } from '../../src/bgp/filter.ts';
import { LocRib } from '../../src/bgp/loc-rib.ts';
import { type Batch, MessageLog } from '../../src/bgp/message-log.ts';
import { Outbox } from '../../src/bgp/outbox.ts';
import { Peering } from '../../src/bgp/peering.ts';
import {
  keyOf,
  type PeerIdentity,
  type Protocol,
  type Route,
  type RouteSource,
} from '../../src/bgp/route.ts';
import type { Session } from '../../src/bgp/session.ts';
import { Sources } from '../../src/bgp/sources.ts';
import type { PathAttributes } from '../../src/wire/bgp/attributes.ts';
import * as Header from '../../src/wire/bgp/header.ts';
import * as Message from '../../src/wire/bgp/message.ts';
import { assert, suite } from '../kit.ts';

const t = suite('bgp/outbox');

const NETS = [0, 1, 2, 3].map(n => ({ address: 0x0a000000 + n * 256, length: 24 }));
/** What a filter keeps back. */
const SECRET = 99;
const FILTERS = {
  all: filter('all', () => ({ accept: true, because: 'test' })),
  open: filter('open', route => ({ accept: route.attributes?.med !== SECRET, because: 'test' })),
  louder: filter('louder', () => ({ accept: true, changes: { localPref: 200 }, because: 'test' })),
  /** Without a text: like no other. */
  own: () => ({ accept: true, because: 'test' }),
};
type FilterName = keyof typeof FILTERS;

/** The far end of a session: it knows what it was told, and complains of what it knows already. */
class Far {
  readonly identity: PeerIdentity;
  readonly protocol: Protocol;
  readonly source: RouteSource;
  readonly known = new Map<string, PathAttributes>();
  readonly sending: { as4: boolean; addPath: boolean; external: boolean };
  config: PeerConfig;
  established = false;
  ends = 0;
  repeats = false;

  constructor(n: number, addPath: boolean, rrClient: boolean) {
    this.identity = {
      internal: true,
      remoteAddress: n,
      remoteAs: 64512,
      localAs: 64512,
      routerId: n,
      rrClient,
      clusterId: 7,
    };
    this.protocol = { kind: 'bgp', name: `peer${n}`, peer: this.identity };
    this.source = { protocol: this.protocol, pathId: 0 };
    this.config = {
      name: `peer${n}`,
      remoteAddress: n,
      remoteAs: 64512,
      sourceAddress: 1,
      exportFilter: FILTERS.all,
    };
    this.sending = { as4: true, addPath, external: false };
  }

  get current(): { sending: Far['sending'] } | undefined {
    return this.established ? { sending: this.sending } : undefined;
  }
  get sourceAddress(): number {
    return 1;
  }
  send({ count, octets, from, behindFirst, to }: Batch): void {
    let messages = 0;
    for (let at = from; at < to; messages++) {
      const length = Header.check(octets, at)!;
      this.#hear(Message.decode(octets, at, length, this.sending));
      at += length;
      if (messages === 0) assert.is(at, behindFirst);
    }
    assert.is(messages, count);
  }
  #hear(message: Message.Message): void {
    if (message.kind !== 'update') throw new Error(message.kind);
    const name = ({ prefix, pathId }: { prefix: Prefix.Prefix; pathId: number }): string =>
      `${Prefix.format(prefix)} ${pathId}`;
    for (const nlri of message.withdrawn)
      assert.ok(this.known.delete(name(nlri)), 'withdrawn, but not known');
    const attributes = intern(message.attributes);
    for (const nlri of message.reachable) {
      if (!this.repeats) assert.is.not(this.known.get(name(nlri)), attributes);
      this.known.set(name(nlri), attributes);
    }
  }
  sendRefreshMark(subtype: number): void {
    this.repeats = subtype === 1;
  }
  sendEndOfRib(): void {
    this.ends++;
  }
}

const asSession = (far: Far): Session => far as unknown as Session;

const routeOf = (from: Far, net: number, med: number): Route => ({
  prefix: NETS[net]!,
  source: from.source,
  preference: 100,
  destination: 'router',
  gateway: 1,
  device: 'eth0',
  igpMetric: 0,
  attributes: intern({ origin: 0, asPath: [], nextHop: from.identity.routerId, localPref: 100, med }),
  stale: false,
  since: 0,
});

/** A daemon's table and outbox, with five peers; the last one is no client. */
class Daemon {
  readonly fars: readonly Far[];
  readonly peerings = new Map<string, Peering>();
  readonly sources = new Sources();
  readonly outbox = new Outbox(this.peerings, source => this.sources.globalId(source));
  readonly table = new LocRib((net, removed, added, was) => {
    const inside = (route: Route | undefined): boolean => route?.source.protocol.peer?.rrClient !== true;
    this.outbox.changed(net.key, inside(removed) && inside(added) && inside(was) && inside(net.routes[0]));
  });

  constructor(addPath: boolean) {
    this.fars = [1, 2, 3, 4, 5].map(n => new Far(n, addPath, n < 5));
    for (const far of this.fars)
      this.peerings.set(
        far.config.name,
        new Peering(asSession(far), this.sources.of(far.config.name), new AdjRibIn(), false),
      );
  }

  peering(far: Far): Peering {
    return this.peerings.get(far.config.name)!;
  }

  up(far: Far, deferred: boolean): void {
    far.established = true;
    const peering = this.peering(far);
    peering.deferred = deferred;
    this.outbox.open(peering);
    peering.beginFeed([]);
  }

  down(far: Far): void {
    far.established = false;
    for (const prefix of NETS) this.table.remove(keyOf(prefix), far.source);
    this.peering(far).reset();
    this.outbox.close(this.peering(far));
    far.known.clear();
  }

  filter(far: Far, name: FilterName): void {
    const exportFilter = name === 'own' ? () => FILTERS.own() : FILTERS[name];
    far.config = { ...far.config, exportFilter };
    if (far.established) this.outbox.schedule(this.peering(far));
  }

  /** Settle, and see that everybody knows what he is to know. */
  settle(): void {
    this.outbox.settle(this.table, () => true, 0);
    for (const far of this.fars) {
      const peering = this.peering(far);
      if (!far.established || peering.deferred) continue;
      const expected = new Map<string, PathAttributes>();
      for (const { routes } of this.table.list())
        for (const route of far.sending.addPath ? routes : routes.slice(0, 1)) {
          const offer = peering.judge(route);
          if (route.source.protocol === far.protocol || offer === 'refused' || offer === 'filtered') continue;
          expected.set(
            `${Prefix.format(route.prefix)} ${far.sending.addPath ? this.sources.globalId(route.source) : 0}`,
            offer,
          );
        }
      const sorted = (map: ReadonlyMap<string, PathAttributes>): unknown[] =>
        [...map].sort(([a], [b]) => (a < b ? -1 : 1));
      assert.equal(sorted(far.known), sorted(expected));
      assert.is(peering.toldCount, expected.size);
      for (const { key, prefix } of this.table.list())
        assert.is(
          peering.isTold(key),
          [...expected.keys()].some(name => name.startsWith(`${Prefix.format(prefix)} `)),
        );
    }
  }
}

const peer = fc.nat(4);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constant('route' as const), peer, fc.nat(3), fc.constantFrom(1, 2, SECRET)),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant('gone' as const), peer, fc.nat(3)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('up' as const), peer, fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('down' as const), peer) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('filter' as const),
      peer,
      fc.constantFrom<FilterName>('all', 'open', 'louder', 'own'),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('refresh' as const), peer) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('recovered' as const)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('settle' as const)) },
);

t('whatever happens, each peer knows what the table has for it, and hears nothing twice', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 80, size: 'max' }), (addPath, steps) => {
      const daemon = new Daemon(addPath);
      for (const [what, ...args] of steps) {
        const far = daemon.fars[args[0] ?? 0]!;
        const peering = daemon.peering(far);
        if (what === 'route') {
          const [, net, med] = args as [number, number, number];
          if (far.established) daemon.table.enter(keyOf(NETS[net]!), routeOf(far, net, med));
        } else if (what === 'gone') daemon.table.remove(keyOf(NETS[args[1] as number]!), far.source);
        else if (what === 'up' && !far.established) daemon.up(far, args[1] as boolean);
        else if (what === 'down' && far.established) daemon.down(far);
        else if (what === 'filter') daemon.filter(far, args[1] as FilterName);
        else if (what === 'refresh' && far.established) {
          peering.repeating = true;
          daemon.outbox.schedule(peering);
        } else if (what === 'recovered')
          for (const each of daemon.peerings.values()) {
            if (each.deferred) daemon.outbox.schedule(each);
            each.deferred = false;
          }
        else if (what === 'settle') daemon.settle();
      }
      daemon.settle();
    }),
    { numRuns: 500 },
  );
});

t(
  'destinations with equal attributes share an UPDATE, those with others follow in the order in which they came',
  () => {
    const from: Protocol = { kind: 'static', name: 'static1' };
    const [one, two] = [1, 2].map(nextHop => intern({ origin: 0, asPath: [], nextHop }));
    const advertised = [one, two, one, one].map(
      (attributes, n) => new Advertisement({ prefix: NETS[n]!, pathId: 0 }, attributes!, from),
    );
    const encoding = { as4: true, addPath: false };
    const log = new MessageLog();
    const { count, octets, from: at, behindFirst, to } = batch([], advertised, encoding, log)!;
    assert.is(count, 2);
    const ends: [number, number][] = [
      [at, behindFirst],
      [behindFirst, to],
    ];
    const reachable = ends.map(([begin, end]) => {
      const message = Message.decode(octets, begin, end - begin, { ...encoding, external: false });
      return message.kind === 'update'
        ? message.reachable.map(({ prefix }) => NETS.findIndex(n => Prefix.equal(n, prefix)))
        : [];
    });
    assert.equal(reachable, [[0, 2, 3], [1]]);
    assert.is(batch([], [], encoding, log), undefined);
  },
);

t.run();
