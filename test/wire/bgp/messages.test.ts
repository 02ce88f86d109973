import fc from 'fast-check';
import * as Prefix from '../../../src/addr/prefix.ts';
import type { PathAttributes } from '../../../src/wire/bgp/attributes.ts';
import * as Attributes from '../../../src/wire/bgp/attributes.ts';
import { WireError } from '../../../src/wire/bgp/error.ts';
import * as Header from '../../../src/wire/bgp/header.ts';
import * as Message from '../../../src/wire/bgp/message.ts';
import type * as Open from '../../../src/wire/bgp/open.ts';
import * as Update from '../../../src/wire/bgp/update.ts';
import { assert, fixture, suite } from '../../kit.ts';

const t = suite('wire/bgp');

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const PLAIN = { as4: true, addPath: false, external: false };

const RECORDED = fixture('bgp/recorded-messages.txt')
  .toString()
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => {
    const [session, sender, hex] = line.split(' ') as [string, string, string];
    return {
      session,
      sender,
      wire: Header.wrap(Number.parseInt(hex.slice(0, 2), 16), bytesOf(hex.slice(2))),
    };
  });

for (const session of new Set(RECORDED.map(r => r.session)))
  t(`${session}: every recorded message re-encodes to its own bytes`, () => {
    const messages = RECORDED.filter(r => r.session === session);
    assert.ok(messages.length >= 8);
    const context = { ...PLAIN, addPath: true }; // both BIRDs offer it, and both took it
    for (const { wire } of messages) {
      assert.is(Header.check(wire), wire.length);
      assert.is(hexOf(Message.encode(Message.decode(wire, 0, wire.length, context), context)), hexOf(wire));
    }
  });

t('reads the recorded OPEN of Calico BIRD', () => {
  const wire = RECORDED.find(
    r => r.session === 'ipip-always/calico-bird-w1-w0' && r.sender === '192.168.20.100',
  )!.wire;
  const open = Message.decode(wire, 0, wire.length, PLAIN);
  assert.equal(open, {
    kind: 'open',
    version: 4,
    myAs: 64512,
    holdTimeSec: 240,
    identifier: 0xc0a81464,
    capabilities: [
      { kind: 'multiprotocol', afi: 1, safi: 1 },
      { kind: 'route-refresh' },
      {
        kind: 'graceful-restart',
        restarting: true,
        flags: 0,
        restartTimeSec: 120,
        families: [{ afi: 1, safi: 1, forwardingPreserved: true }],
      },
      { kind: 'as4', as: 64512 },
      { kind: 'add-path', families: [{ afi: 1, safi: 1, mode: 3 }] },
      { kind: 'enhanced-route-refresh' },
      { kind: 'long-lived-graceful-restart', value: new Uint8Array(0) },
    ],
  } satisfies Open.OpenMessage);
});

t('reads the path ids of VXLAN mode: 2 for the static block, 3 for the route learned from the kernel', () => {
  const ids = RECORDED.filter(r => r.session === 'vxlan-always/calico-bird-m-w1')
    .map(r => Message.decode(r.wire, 0, r.wire.length, { ...PLAIN, addPath: true }))
    .flatMap(m => (m.kind === 'update' ? m.reachable.map(n => n.pathId) : []));
  assert.equal(ids, [2, 3, 2, 3]);
});

t('says in one line what a message is', () => {
  const lines = RECORDED.filter(r => r.session === 'ipip-always/calico-bird-w1-w0')
    .filter(r => r.sender === '192.168.20.100')
    .map(r => Message.describe(Message.decode(r.wire, 0, r.wire.length, { ...PLAIN, addPath: true })));
  assert.equal(lines, [
    'OPEN AS 64512 id 192.168.20.100 hold 240 s',
    'KEEPALIVE',
    'UPDATE 172.16.34.0/26 next hop 192.168.20.100',
    'UPDATE End-of-RIB',
  ]);
  const cease: Message.Message = { kind: 'notification', code: 6, subcode: 2, data: new Uint8Array(0) };
  assert.is(Message.describe(cease), 'NOTIFICATION 6/2 Administrative shutdown');
});

const refused = (wire: Uint8Array, context = PLAIN): WireError => {
  try {
    const length = Header.check(wire);
    assert.ok(length !== undefined);
    const message = Message.decode(wire, 0, length!, context);
    if (message.kind === 'update' && message.faults.length > 0) return message.faults[0]!;
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

const wrap = (type: number, hex: string): Uint8Array => Header.wrap(type, bytesOf(hex));
const patched = (wire: Uint8Array, at: number, value: number): Uint8Array => {
  wire[at] = value;
  return wire;
};

for (const [what, wire, code, subcode] of [
  ['a marker that is not all ones', patched(wrap(4, ''), 3, 0xfe), 1, 1],
  ['a length below 19', patched(wrap(4, ''), 17, 18), 1, 2],
  ['a length above 4096', patched(wrap(4, ''), 16, 0x10), 1, 2],
  ['a KEEPALIVE with a body', wrap(4, '00'), 1, 2],
  ['an OPEN shorter than 29', wrap(1, '04fc0000f0c0a80a'), 1, 2],
  ['an unknown type', wrap(9, ''), 1, 3],
  ['version 3', wrap(1, '03 fc00 00f0 c0a80a65 00'), 2, 1],
  ['identifier 0.0.0.0', wrap(1, '04 fc00 00f0 00000000 00'), 2, 3],
  ['optional parameter 1', wrap(1, '04 fc00 00f0 c0a80a65 02 0100'), 2, 4],
  ['hold time 2', wrap(1, '04 fc00 0002 c0a80a65 00'), 2, 6],
  ['a capability that runs out of its parameter', wrap(1, '04 fc00 00f0 c0a80a65 04 0202 4104'), 2, 0],
  ['an AS4 capability of two octets', wrap(1, '04 fc00 00f0 c0a80a65 06 0204 4102 fc00'), 2, 0],
  ['parameters longer than the message', wrap(1, '04 fc00 00f0 c0a80a65 09'), 2, 0],
  ['withdrawn routes that overrun', wrap(2, '0009 0000'), 3, 1],
  ['attributes that overrun', wrap(2, '0000 0009'), 3, 1],
  ['an NLRI of 33 bits', wrap(2, '0000 0000 21 0a000000 00'), 3, 10],
  ['an NLRI cut short', wrap(2, '0000 0000 18 0a00'), 3, 10],
  ['an unknown well-known attribute', wrap(2, '0000 0004 40 63 01 00'), 3, 2],
  ['a ROUTE-REFRESH of five octets', wrap(5, '0001 00 01 00'), 7, 1],
] as const)
  t(`ends the session over ${what}`, () => {
    const error = refused(wire);
    assert.is(`${error.code}/${error.subcode} ${error.reach}`, `${code}/${subcode} session-reset`);
  });

const GOOD = '400101 00  400200  400304 c0a80a65';
const update = (attributes: string, nlri = '18 0a0000'): Uint8Array => {
  const body = bytesOf(attributes);
  return wrap(2, `0000 ${body.length.toString(16).padStart(4, '0')} ${hexOf(body)} ${nlri}`);
};

for (const [what, attributes, subcode, reach] of [
  ['ORIGIN 3', '400101 03 400200 400304 c0a80a65', 6, 'treat-as-withdraw'],
  ['ORIGIN of two octets', '400102 0000 400200 400304 c0a80a65', 5, 'treat-as-withdraw'],
  ['ORIGIN as optional', 'c00101 00 400200 400304 c0a80a65', 4, 'treat-as-withdraw'],
  ['an AS_PATH segment of type 9', '400101 00 400206 0901 0000fc00 400304 c0a80a65', 11, 'treat-as-withdraw'],
  ['an empty AS_PATH segment', '400101 00 400202 0200 400304 c0a80a65', 11, 'treat-as-withdraw'],
  ['a cut AS_PATH', '400101 00 400204 0201 fc00 400304 c0a80a65', 11, 'treat-as-withdraw'],
  ['no AS_PATH', '400101 00 400304 c0a80a65', 3, 'treat-as-withdraw'],
  ['NEXT_HOP of three octets', '400101 00 400200 400303 c0a80a', 5, 'treat-as-withdraw'],
  ['MED of two octets', `${GOOD} 800402 0000`, 5, 'treat-as-withdraw'],
  ['LOCAL_PREF of one octet', `${GOOD} 400501 00`, 5, 'treat-as-withdraw'],
  ['ATOMIC_AGGREGATE with a value', `${GOOD} 400601 00`, 5, 'attribute-discard'],
  ['AGGREGATOR of six octets between AS4 speakers', `${GOOD} c00706 fc00 0a000001`, 5, 'attribute-discard'],
  ['no community in COMMUNITIES', `${GOOD} c00800`, 5, 'treat-as-withdraw'],
  ['CLUSTER_LIST of five octets', `${GOOD} 800a05 0000000000`, 5, 'treat-as-withdraw'],
  ['LARGE_COMMUNITY of four octets', `${GOOD} c02004 00000000`, 5, 'treat-as-withdraw'],
  ['an attribute that overruns the list', `${GOOD} 800409 0000`, 5, 'treat-as-withdraw'],
] as const)
  t(`survives ${what}: ${reach}`, () => {
    const error = refused(update(attributes));
    assert.is(`${error.code}/${error.subcode} ${error.reach}`, `3/${subcode} ${reach}`);
  });

t('discards from an external peer what only internal ones may say', () => {
  const wire = update(`${GOOD} 400504 00000064 800904 0a000001 800a04 0a000001`);
  const message = Message.decode(wire, 0, wire.length, { ...PLAIN, external: true }) as Update.UpdateMessage;
  assert.is(message.attributes.localPref, undefined);
  assert.is(message.attributes.originatorId, undefined);
  assert.is(message.attributes.clusterList, undefined);
  assert.is(Update.isTreatedAsWithdraw(message), false);
});

t('keeps the first of two ORIGINs', () => {
  const wire = update(`${GOOD} 400101 02`);
  const message = Message.decode(wire, 0, wire.length, PLAIN) as Update.UpdateMessage;
  assert.is(message.attributes.origin, 0);
  assert.equal(message.faults, []);
});

t('puts AS4_PATH behind an old speaker’s AS_TRANS (RFC 6793 §4.2.3)', () => {
  const attributes: PathAttributes = {
    origin: 0,
    asPath: [{ type: 2, ases: [65001, 4200000001, 65002] }],
    nextHop: 1,
    aggregator: { as: 4200000001, address: 9 },
  };
  const old = Attributes.encode(attributes, false);
  assert.match(hexOf(old), /5ba0/); // AS_TRANS
  const faults: WireError[] = [];
  assert.equal(Attributes.decode(old, 0, old.length, { as4: false, external: true }, faults), attributes);
  assert.equal(faults, []);
});

const PROTO = { noNullPrototype: true };
const u32 = fc.nat({ max: 0xffff_ffff });
const prefixes = fc
  .tuple(u32, fc.nat({ max: 32 }))
  .map(([address, length]) => Prefix.network(address, length));
const list = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { minLength: 1, maxLength: 5 });
const attributeSets = fc.record(
  {
    origin: fc.nat({ max: 2 }),
    asPath: fc.array(fc.record({ type: fc.constantFrom(1, 2), ases: list(u32) }, PROTO), { maxLength: 3 }),
    nextHop: u32,
    med: u32,
    localPref: u32,
    atomicAggregate: fc.constant(true as const),
    aggregator: fc.record({ as: u32, address: u32 }, PROTO),
    communities: list(u32),
    originatorId: u32,
    clusterList: list(u32),
    largeCommunities: list(fc.tuple(u32, u32, u32)),
    unknown: fc.constant([{ flags: 0xe0, type: 99, value: Uint8Array.of(1, 2, 3) }]),
  },
  { requiredKeys: ['origin', 'asPath', 'nextHop'], noNullPrototype: true },
);

t('any UPDATE survives a round trip', () => {
  fc.assert(
    fc.property(
      attributeSets,
      list(prefixes),
      list(prefixes),
      fc.boolean(),
      (attributes, reach, gone, addPath) => {
        const context = { ...PLAIN, addPath };
        const nlri = (prefix: Prefix.Prefix, i: number): Update.Nlri => ({
          prefix,
          pathId: addPath ? i + 7 : 0,
        });
        const sent = Update.make(gone.map(nlri), attributes as PathAttributes, reach.map(nlri));
        const wire = Message.encode(sent, context);
        assert.equal(Message.decode(wire, 0, wire.length, context), sent);
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

t('octets read before give the same message, octets read otherwise another', () => {
  const update = Update.make([], { origin: 0, asPath: [], nextHop: 1 }, [
    { prefix: Prefix.from('10.0.0.0/24'), pathId: 0 },
  ]);
  const wire = Message.encode(update, PLAIN);
  const first = Message.decode(wire, 0, wire.length, PLAIN);
  const shifted = Uint8Array.of(0, ...wire);
  assert.is(Message.decode(shifted, 1, wire.length, PLAIN), first);
  const long = Message.encode(update, { ...PLAIN, addPath: true });
  assert.is.not(hexOf(long), hexOf(wire));
  // Read without path ids, the id is taken for prefixes of length 0 in front.
  const otherwise = Message.decode(long, 0, long.length, PLAIN) as Update.UpdateMessage;
  assert.is(otherwise.reachable.length, 5);
  assert.equal(Message.decode(long, 0, long.length, { ...PLAIN, addPath: true }), first);
});

t('a faulty UPDATE is read anew: its faults say where they are', () => {
  const update = Update.make([], { origin: 0, asPath: [], nextHop: 1 }, []);
  const wire = Message.encode(update, PLAIN).slice();
  wire[Header.HEADER_LENGTH + 7] = 9; // the value of ORIGIN, which comes first
  const shifted = Uint8Array.of(0, 0, ...wire);
  const faultAt = (bytes: Uint8Array, at: number): number =>
    (Message.decode(bytes, at, wire.length, PLAIN) as Update.UpdateMessage).faults[0]!.at;
  assert.is(faultAt(shifted, 2) - faultAt(wire, 0), 2);
});

t('any OPEN survives a round trip, unknown capabilities too', () => {
  const value = fc.uint8Array({ maxLength: 8 });
  const capabilities = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('as4' as const), as: u32 }, PROTO),
      fc.record(
        { kind: fc.constant('unknown' as const), code: fc.constantFrom(6, 9, 73, 128), value },
        PROTO,
      ),
      fc.record({ kind: fc.constant('long-lived-graceful-restart' as const), value }, PROTO),
    ),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), capabilities, (identifier, some) => {
      const open: Open.OpenMessage = {
        kind: 'open',
        version: 4,
        myAs: 1,
        holdTimeSec: 9,
        identifier,
        capabilities: some,
      };
      const wire = Message.encode(open, PLAIN);
      assert.equal(Message.decode(wire, 0, wire.length, PLAIN), open);
    }),
    { seed: 1, numRuns: 100 },
  );
});

t('a mutated message is decoded or refused with a WireError, and nothing else', () => {
  const wires = RECORDED.map(r => r.wire);
  const flips = fc.array(fc.tuple(fc.nat({ max: 80 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.nat({ max: wires.length - 1 }), flips, fc.boolean(), (index, some, addPath) => {
      const wire = wires[index]!.slice();
      for (const [at, value] of some) wire[16 + (at % (wire.length - 16))] = value;
      try {
        const length = Header.check(wire);
        if (length !== undefined && length <= wire.length)
          Message.decode(wire, 0, length, { ...PLAIN, addPath });
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
});

t('cuts many destinations into messages of at most 4096 octets', () => {
  const nlri = Array.from({ length: 3000 }, (_, i) => ({
    prefix: { address: i * 256, length: 32 },
    pathId: i,
  }));
  const context = { as4: true, addPath: true };
  const messages = Update.pack('reachable', nlri, { origin: 0, asPath: [], nextHop: 1 }, context);
  assert.equal(
    messages.flatMap(m => m.reachable),
    nlri,
  );
  for (const message of messages) assert.ok(Message.encode(message, context).length <= 4096);
});

t.run();
