import fc from 'fast-check';
import * as Ipv4Address from '../../src/addr/ipv4.ts';
import { defragmenter } from '../../src/netstack/defragment.ts';
import { fragment } from '../../src/netstack/fragment.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import { type Frame, NO_FRAME } from '../../src/sim/frame-store.ts';
import * as Payload from '../../src/sim/payload.ts';
import { SECOND } from '../../src/sim/time.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import { assert, suite } from '../kit.ts';
import { Lab, TestBench, viewOf } from './lab.ts';

const t = suite('netstack/fragment');

interface Bench {
  readonly bench: TestBench;
  readonly namespace: Namespace;
}

function alone(): Bench {
  const bench = new TestBench();
  return { bench, namespace: bench.host('host').namespace('host') };
}

/** A packet with `real` octets behind its IPv4 header and a payload of that pattern behind those. */
function packet(
  { namespace }: Bench,
  real: number,
  pattern: number,
  offset: number,
  length: number,
  base = 0,
  more = false,
): Frame {
  const { frames } = namespace;
  const frame = frames.allocate();
  namespace.host.account.originated++;
  const at = frames.append(frame, Ipv4.MIN_HEADER_LENGTH + real);
  Ipv4.emit(frames.view(frame), at, {
    tos: 0,
    totalLength: Ipv4.MIN_HEADER_LENGTH + real + length,
    identification: 0x1234,
    flags: more ? Ipv4.FLAG_MF : 0,
    fragmentOffset: base,
    ttl: 64,
    protocol: 253,
    source: Ipv4Address.from('10.0.0.1'),
    destination: Ipv4Address.from('10.0.0.2'),
  });
  for (let i = 0; i < real; i++)
    frames.view(frame).setUint8(at + Ipv4.MIN_HEADER_LENGTH + i, (i * 37 + 5) & 255);
  const octets = Uint8Array.from({ length: offset + length }, (_, i) => (i * 11) & 255);
  frames.setPayload(frame, pattern, offset, length, pattern === Payload.REAL ? octets : null);
  return frame;
}

function pieces(namespace: Namespace, first: Frame): Frame[] {
  const list: Frame[] = [];
  for (let piece = first; piece !== NO_FRAME; piece = namespace.frames.next[piece]!) list.push(piece);
  return list;
}

const shapes = {
  real: fc.integer({ min: 8, max: 100 }),
  pattern: fc.constantFrom(Payload.ZERO, Payload.RAMP, Payload.REAL),
  offset: fc.integer({ min: 0, max: 300 }),
  length: fc.integer({ min: 200, max: 9000 }),
  mtu: fc.integer({ min: 68, max: 1500 }),
};

t('pieces fit, carry the octets they claim, and only the last one says it is the last', () => {
  const bench = alone();
  const { namespace } = bench;
  const { frames } = namespace;
  fc.assert(
    fc.property(fc.record(shapes), ({ real, pattern, offset, length, mtu }) => {
      const frame = packet(bench, real, pattern, offset, length);
      const whole = frames.materialise(frame).subarray(20);
      if (frames.length(frame) <= mtu) return namespace.deliver(frame);
      const list = pieces(namespace, fragment(namespace, frame, mtu));
      const joined = new Uint8Array(whole.length);
      list.forEach((piece, i) => {
        const octets = frames.materialise(piece);
        const view = viewOf(octets);
        assert.is(Ipv4.check(view, 0, octets.length), Ipv4.Fault.None);
        assert.is(Ipv4.totalLength(view, 0), octets.length);
        assert.ok(octets.length <= mtu);
        assert.is(Ipv4.moreFragments(view, 0), i < list.length - 1);
        joined.set(octets.subarray(20), Ipv4.fragmentOffset(view, 0));
        namespace.deliver(piece);
      });
      assert.equal(joined, whole);
    }),
    { numRuns: 150 },
  );
  assert.is(bench.bench.imbalance(), 0);
  assert.is(frames.inUse, 0);
});

t('cut, cut again by a router, shuffled, doubled: the packet comes together octet for octet', () => {
  const bench = alone();
  const { namespace } = bench;
  const { frames } = namespace;
  fc.assert(
    fc.property(
      fc.record({ ...shapes, second: fc.integer({ min: 68, max: 700 }), order: fc.infiniteStream(fc.nat()) }),
      ({ real, pattern, offset, length, mtu, second, order }) => {
        const frame = packet(bench, real, pattern, offset, length);
        const whole = frames.materialise(frame);
        if (frames.length(frame) <= mtu) return namespace.deliver(frame);
        const list = pieces(namespace, fragment(namespace, frame, mtu)).flatMap(piece =>
          frames.length(piece) > second ? pieces(namespace, fragment(namespace, piece, second)) : [piece],
        );
        for (let i = list.length - 1; i > 0; i--) {
          const j = order.next().value % (i + 1);
          [list[i], list[j]] = [list[j]!, list[i]!];
        }
        const twin = frames.copy(list[0]!);
        namespace.host.account.originated++;
        list.splice(1, 0, twin);
        let complete = NO_FRAME;
        for (const piece of list) {
          assert.is(complete, NO_FRAME);
          if (namespace.reassembly.add(piece, undefined)) complete = piece;
        }
        assert.equal(frames.materialise(complete), whole);
        namespace.deliver(complete);
      },
    ),
    { numRuns: 100 },
  );
  assert.is(bench.bench.imbalance(), 0);
  assert.is(frames.inUse, 0);
});

t('slices of one descriptor join into one descriptor again, without an octet being written', () => {
  for (const pattern of [Payload.ZERO, Payload.RAMP, Payload.REAL]) {
    const bench = alone();
    const { namespace } = bench;
    const { frames } = namespace;
    const list = pieces(namespace, fragment(namespace, packet(bench, 8, pattern, 17, 5000), 1500));
    for (const piece of list.reverse()) namespace.reassembly.add(piece, undefined);
    const whole = list.at(-1)!;
    assert.equal(
      [frames.pattern[whole], frames.payloadOffset[whole], frames.payloadLength[whole]],
      [pattern, 17, 5000],
    );
  }
});

t('an overlap condemns all pieces of the packet (RFC 5722)', () => {
  const bench = alone();
  const { namespace } = bench;
  assert.not(namespace.reassembly.add(packet(bench, 8, Payload.ZERO, 0, 1472, 0, true), undefined));
  assert.not(namespace.reassembly.add(packet(bench, 8, Payload.ZERO, 0, 1472, 1472, true), undefined));
  assert.is(namespace.host.account.reasons.get('FRAG_LOST'), 2);
  assert.is(namespace.frames.inUse, 0);
});

t('a second "last" fragment that ends elsewhere condemns all pieces', () => {
  const bench = alone();
  const { namespace } = bench;
  namespace.reassembly.add(packet(bench, 8, Payload.ZERO, 0, 72, 1480), undefined);
  namespace.reassembly.add(packet(bench, 8, Payload.ZERO, 0, 72, 2960), undefined);
  assert.is(namespace.host.account.reasons.get('FRAG_LOST'), 2);
});

t('a "last" fragment that ends before another one condemns all pieces', () => {
  const bench = alone();
  const { namespace } = bench;
  namespace.reassembly.add(packet(bench, 8, Payload.ZERO, 0, 72, 1480, true), undefined);
  namespace.reassembly.add(packet(bench, 8, Payload.ZERO, 0, 32, 0, false), undefined);
  assert.is(namespace.host.account.reasons.get('FRAG_LOST'), 2);
  assert.is(namespace.frames.inUse, 0);
});

for (const [what, length, base, more] of [
  ['a middle piece whose length is no multiple of 8', 73, 0, true],
  ['a piece that ends beyond 65535 octets', 1472, 65528, false],
] as const) {
  t(`${what} is malformed`, () => {
    const bench = alone();
    bench.namespace.reassembly.add(packet(bench, 8, Payload.ZERO, 0, length, base, more), undefined);
    assert.is(bench.namespace.host.account.reasons.get('MALFORMED'), 1);
  });
}

t('after 30 s without the rest: ICMP 11/1 to the sender if the first piece came, and the pieces die', () => {
  const lab = new Lab('ipip-always');
  lab.ping('pod1', '172.16.34.1');
  let swallowed = 0;
  lab.namespace('k8s-w0').hooks.add(2, {
    name: 'lossy',
    priority: 0,
    run: frame => {
      const { frames } = lab.partition;
      const offset = Ipv4.fragmentOffset(frames.view(frame), frames.start[frame]!);
      if (offset !== 1456) return '';
      swallowed++;
      return 'LINK_LOSS';
    },
  });
  const { error, reply } = lab.ping('pod1', '172.16.34.1', { dataLength: 4000 }, 29 * SECOND);
  assert.is(swallowed, 1);
  assert.is(reply, undefined);
  assert.is(error, undefined);
  const heard = lab.capture('pod1', 'eth0', 'receive');
  lab.run(2 * SECOND);
  const last = viewOf(heard.at(-1)!);
  assert.equal([Icmpv4.type(last, 34), Icmpv4.code(last, 34)], [11, 1]);
  assert.is(lab.namespace('pod3').host.account.reasons.get('FRAG_LOST'), 2);
  assert.is(lab.imbalance(), 0);
});

t('a hook that needs whole packets gets the packet in the frame of its last piece', () => {
  const lab = new Lab('ipip-always');
  const pod = lab.namespace('pod3');
  const lengths: number[] = [];
  pod.hooks.add(0, { name: 'defrag', priority: -400, run: defragmenter(pod) });
  pod.hooks.add(0, {
    name: 'look',
    priority: 0,
    run: frame => {
      lengths.push(pod.frames.length(frame));
      return '';
    },
  });
  assert.is(lab.ping('pod1', '172.16.34.1', { dataLength: 4000 }).reply?.length, 4008);
  assert.equal(lengths, [4028]);
  assert.is(lab.imbalance(), 0);
});

t('a node that puts fragments together for connection tracking sends on no longer ones than it got', () => {
  const lab = new Lab('direct-nopeer', 1480);
  const node = lab.namespace('k8s-w1');
  node.hooks.add(0, { name: 'defrag', priority: -400, run: defragmenter(node) });
  lab.ping('pod1', '172.16.184.4');
  const wire = lab.capture('k8s-w1', 'eth0', 'transmit');
  const inside = lab.capture('k8s-w1', 'calice0906292e2', 'transmit');
  assert.is(lab.ping('pod1', '172.16.184.4', { dataLength: 4000 }).reply?.length, 4008);
  for (const frames of [wire, inside])
    assert.equal(
      frames.map(octets => octets.length - 14),
      [1476, 1476, 1116],
    );
  assert.is(lab.imbalance(), 0);
});

t('an MTU that leaves no room for eight octets is a broken invariant', () => {
  const bench = alone();
  const frame = packet(bench, 8, Payload.ZERO, 0, 100);
  assert.throws(() => fragment(bench.namespace, frame, 27), 'an MTU of 27 leaves no room');
});

t.run();
