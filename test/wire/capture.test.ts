/** Capture files: our writers read back, real files in both byte orders, and every header of the recordings. */
import * as fc from 'fast-check';
import { CaptureError, read } from '../../src/wire/capture-reader.ts';
import * as CaptureTime from '../../src/wire/capture-time.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import * as Pcapng from '../../src/wire/pcapng.ts';
import { assert, fixture, suite } from '../kit.ts';

const t = suite('wire/capture');

const concat = (...chunks: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));
const FIRST = Uint8Array.of(1, 2, 3, 4, 5);
const SECOND = Uint8Array.of(0x45, 0, 0, 20);

t('a pcapng file reads back', () => {
  const file = concat(
    Pcapng.sectionHeader('tunlab'),
    Pcapng.interfaceDescription({ name: 'k8s-w1/eth0', description: 'node NIC', linkType: 1 }),
    Pcapng.enhancedPacket({
      interfaceId: 0,
      time: { seconds: 1_700_000_000, nanoseconds: 123_456_789 },
      captured: FIRST,
      originalLength: 1514,
      comment: 'dropped: NO_ROUTE',
      direction: Pcapng.DIRECTION_OUT,
    }),
    Pcapng.interfaceDescription({ name: 'tunl0', linkType: Pcap.LINKTYPE_RAW, snapLength: 96 }),
    Pcapng.enhancedPacket({
      interfaceId: 1,
      time: { seconds: 4_294_967_295, nanoseconds: 999_999_999 },
      captured: SECOND,
      originalLength: 20,
    }),
  );
  const [first, second, ...more] = read(file);
  assert.is(more.length, 0);
  assert.equal(first, {
    time: { seconds: 1_700_000_000, nanoseconds: 123_456_789 },
    interface: {
      linkType: 1,
      snapLength: 262144,
      unitsPerSecond: 1e9,
      name: 'k8s-w1/eth0',
      description: 'node NIC',
    },
    captured: FIRST,
    originalLength: 1514,
    comment: 'dropped: NO_ROUTE',
    direction: Pcapng.DIRECTION_OUT,
  });
  assert.equal(second, {
    time: { seconds: 4_294_967_295, nanoseconds: 999_999_999 },
    interface: { linkType: 101, snapLength: 96, unitsPerSecond: 1e9, name: 'tunl0' },
    captured: SECOND,
    originalLength: 20,
  });
});

t('the blocks are those of the draft, octet for octet', () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  assert.is(
    hex(Pcapng.sectionHeader()),
    '0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000'.replaceAll(' ', ''),
  );
  assert.is(
    hex(Pcapng.interfaceDescription({ name: 'eth0', linkType: 1 })),
    '01000000 28000000 0100 0000 00000400 02000400 65746830 09000100 09000000 00000000 28000000'.replaceAll(
      ' ',
      '',
    ),
  );
  const packet = Pcapng.enhancedPacket({
    interfaceId: 2,
    time: { seconds: 1, nanoseconds: 1 },
    captured: FIRST,
    originalLength: 6,
  });
  assert.is(
    hex(packet),
    '06000000 28000000 02000000 00000000 01ca9a3b 05000000 06000000 01020304 05000000 28000000'.replaceAll(
      ' ',
      '',
    ),
  );
});

t('a pcap file reads back, to the microsecond', () => {
  const time = { seconds: 1_700_000_000, nanoseconds: 123_456_789 };
  const file = concat(Pcap.fileHeader(Pcap.LINKTYPE_RAW), Pcap.packetRecord(time, SECOND, 1480));
  assert.equal(read(file), [
    {
      time: { seconds: 1_700_000_000, nanoseconds: 123_456_000 },
      interface: { linkType: 101, snapLength: 262144, unitsPerSecond: 1e6 },
      captured: SECOND,
      originalLength: 1480,
    },
  ]);
});

t('a big-endian pcap file with nanoseconds is read', () => {
  const file = Buffer.from(
    'a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001 00000005 00000007 00000002 0000003c aabb'.replaceAll(
      ' ',
      '',
    ),
    'hex',
  );
  const [packet] = read(new Uint8Array(file));
  assert.equal(packet!.time, { seconds: 5, nanoseconds: 7 });
  assert.equal(packet!.captured, Uint8Array.of(0xaa, 0xbb));
  assert.is(packet!.originalLength, 60);
});

t('a big-endian pcapng file with microseconds and a simple packet is read', () => {
  const file = Buffer.from(
    (
      '0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c' +
      '00000001 00000014 0065 0000 00000000 00000014' +
      '00000bad 0000000c 0000000c' +
      '00000006 0000002c 00000000 00000000 001e8481 00000001 00000009 ff000000 00020004 00000001 0000002c' +
      '00000003 00000014 00000002 abcd0000 00000014'
    ).replaceAll(' ', ''),
    'hex',
  );
  const [enhanced, simple, ...more] = read(new Uint8Array(file));
  assert.is(more.length, 0);
  assert.equal(enhanced!.time, { seconds: 2, nanoseconds: 1000 });
  assert.equal(enhanced!.captured, Uint8Array.of(0xff));
  assert.is(enhanced!.originalLength, 9);
  assert.is(enhanced!.direction, Pcapng.DIRECTION_IN);
  assert.is(enhanced!.interface.linkType, Pcap.LINKTYPE_RAW);
  assert.equal(simple!.captured, Uint8Array.of(0xab, 0xcd));
});

const PCAPNG = concat(
  Pcapng.sectionHeader(),
  Pcapng.interfaceDescription({ name: 'lo', linkType: 1 }),
  Pcapng.enhancedPacket({
    interfaceId: 0,
    time: { seconds: 0, nanoseconds: 0 },
    captured: FIRST,
    originalLength: 5,
  }),
);
const ENDS_OF_BLOCKS = [28, 28 + 40];

t('a cut file is refused, unless it is cut between blocks', () => {
  for (let length = 0; length < PCAPNG.length; length++) {
    const cut = PCAPNG.slice(0, length);
    if (ENDS_OF_BLOCKS.includes(length)) assert.equal(read(cut), []);
    else
      assert.throws(
        () => read(cut),
        (e: unknown) => e instanceof CaptureError,
        `${length} octets`,
      );
  }
});

for (const [what, at, value, code] of [
  ['an unknown magic', 0, 0x11, 'CAPTURE_NOT_A_CAPTURE'],
  ['an unknown byte order', 8, 0x11, 'CAPTURE_BAD_BLOCK'],
  ['a block shorter than itself', 32, 0x08, 'CAPTURE_BAD_BLOCK'],
  ['a block of odd length', 32, 0x25, 'CAPTURE_BAD_BLOCK'],
  ['a packet of an undeclared interface', 76, 7, 'CAPTURE_BAD_BLOCK'],
  ['a packet longer than its block', 88, 99, 'CAPTURE_BAD_BLOCK'],
  ['a time finer than nanoseconds', 56, 12, 'CAPTURE_BAD_BLOCK'],
] as const)
  t(`the reader refuses ${what}`, () => {
    const file = PCAPNG.slice();
    file[at] = value;
    assert.throws(
      () => read(file),
      (e: unknown) => e instanceof CaptureError && e.code === code,
    );
  });

t('64-bit times survive the split into halves', () => {
  const second = fc.integer({ min: 0, max: 0xffff_ffff });
  const nanosecond = fc.integer({ min: 0, max: 999_999_999 });
  void fc.assert(
    fc.property(second, nanosecond, (seconds, nanoseconds) => {
      const { high, low } = CaptureTime.toHalves({ seconds, nanoseconds });
      assert.is(
        BigInt(high) * 2n ** 32n + BigInt(low),
        BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
      );
      assert.equal(CaptureTime.fromHalves(high, low, 1e9), { seconds, nanoseconds });
    }),
  );
});

t('virtual time counts from the start of a run', () => {
  assert.equal(CaptureTime.after(1_700_000_000, 2 ** 53 - 1), {
    seconds: 1_709_007_199,
    nanoseconds: 254_740_991,
  });
});

t('the reader reads what tcpdump wrote', () => {
  const packets = read(new Uint8Array(fixture('wire/ipip-w1-tunl0.pcap')));
  assert.is(packets.length, 200);
  assert.is(packets[0]!.interface.linkType, Pcap.LINKTYPE_RAW);
});

t.run();
