/** The codecs against fixture bytes, both ways, on a dirty buffer; what `check` refuses; what the setters patch. */
import * as fc from 'fast-check';
import * as Address from '../../src/addr/ipv4.ts';
import * as Arp from '../../src/wire/arp.ts';
import * as Checksum from '../../src/wire/checksum.ts';
import * as Ethernet from '../../src/wire/ethernet.ts';
import { Fault } from '../../src/wire/fault.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Tcp from '../../src/wire/tcp.ts';
import * as Udp from '../../src/wire/udp.ts';
import * as Vxlan from '../../src/wire/vxlan.ts';
import { assert, suite } from '../kit.ts';

const t = suite('wire/codec');

/** Headers never start at 0, so that a forgotten `at` shows. */
const AT = 3;
const dirty = (): DataView => new DataView(new Uint8Array(128).fill(0xa5).buffer);
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (view: DataView, length: number): string =>
  Buffer.from(view.buffer as ArrayBuffer, AT, length).toString('hex');
function placed(hex: string): DataView {
  const view = dirty();
  new Uint8Array(view.buffer as ArrayBuffer).set(bytes(hex), AT);
  return view;
}

const PINGED = Address.from('172.16.158.3');
const PINGER = Address.from('172.16.34.1');

const ETHERNET = 'ee ee ee ee ee ee 02 42 ac 10 9e 03 08 00';
const ARP = '0001 0800 06 04 0002 eeeeeeeeeeee a9fe0101 0242ac109e03 ac109e03';
const IPV4 = '45 b8 05 dc 1c 46 40 00 3f 06 00 00 ac 10 9e 03 ac 10 22 01';
const UDP = '8235 0009 0010 0000';
const SYN = '9c4a 1451 89abcdef 00000000 a0 02 faf0 0000 0000 020405a0 0402080a 11223344 00000000 01030307';
const SACK =
  '9c4a 1451 89abcdef 01020304 f0 10 01f6 0000 0000 0101080a 11223344 55667788 0101051a 00000001 00000002 00000003 00000004 00000005 00000006';
const VXLAN = '08 000000 001000 00';
const ECHO = '08 00 0000 0066 0007';

const ETHERNET_HEADER = { destination: 0xeeee_eeee_eeee, source: 0x0242_ac10_9e03, etherType: 0x0800 };
const ARP_PACKET = {
  operation: Arp.REPLY,
  senderMac: 0xeeee_eeee_eeee,
  senderAddress: 0xa9fe_0101,
  targetMac: 0x0242_ac10_9e03,
  targetAddress: PINGED,
};
const IPV4_HEADER = {
  tos: 0xb8,
  totalLength: 1500,
  identification: 0x1c46,
  flags: Ipv4.FLAG_DF,
  fragmentOffset: 0,
  ttl: 63,
  protocol: Ipv4.PROTOCOL_TCP,
  source: PINGED,
  destination: PINGER,
};
const UDP_HEADER = { sourcePort: 33333, destinationPort: 9, length: 16, checksum: 0 };
const SYN_HEADER: Tcp.TcpHeader = {
  sourcePort: 40010,
  destinationPort: 5201,
  sequence: 0x89abcdef,
  acknowledgment: 0,
  flags: Tcp.SYN,
  window: 64240,
  checksum: 0,
  urgentPointer: 0,
  options: {
    mss: 1440,
    sackPermitted: true,
    timestamps: { value: 0x11223344, echoReply: 0 },
    windowScale: 7,
  },
};
const SACK_HEADER: Tcp.TcpHeader = {
  ...SYN_HEADER,
  acknowledgment: 0x01020304,
  flags: Tcp.ACK,
  window: 502,
  options: {
    timestamps: { value: 0x11223344, echoReply: 0x55667788 },
    sackBlocks: [
      { start: 1, end: 2 },
      { start: 3, end: 4 },
      { start: 5, end: 6 },
    ],
  },
};

/** Everything behind the written header must still be dirty. */
function written(length: number, emit: (view: DataView) => void): string {
  const view = dirty();
  emit(view);
  assert.is(view.getUint8(AT - 1), 0xa5, 'octet before the header');
  assert.is(view.getUint8(AT + length), 0xa5, 'octet behind the header');
  return hexOf(view, length);
}

const plain = (hex: string): string => hex.replaceAll(' ', '');

t('Ethernet both ways', () => {
  assert.is(
    written(14, view => Ethernet.emit(view, AT, ETHERNET_HEADER)),
    plain(ETHERNET),
  );
  assert.equal(Ethernet.parse(placed(ETHERNET), AT), ETHERNET_HEADER);
});

t('ARP both ways', () => {
  assert.is(
    written(28, view => Arp.emit(view, AT, ARP_PACKET)),
    plain(ARP),
  );
  assert.equal(Arp.parse(placed(ARP), AT), ARP_PACKET);
});

t('IPv4 both ways, the checksum filled in', () => {
  const hex = written(20, view => Ipv4.emit(view, AT, IPV4_HEADER));
  assert.is(`${hex.slice(0, 20)}0000${hex.slice(24)}`, plain(IPV4));
  const view = placed(hex);
  assert.is(Ipv4.check(view, AT, AT + 20, 1500), Fault.None);
  assert.equal(Ipv4.parse(view, AT), IPV4_HEADER);
});

t('UDP both ways', () => {
  assert.is(
    written(8, view => Udp.emit(view, AT, UDP_HEADER)),
    plain(UDP),
  );
  assert.equal(Udp.parse(placed(UDP), AT), UDP_HEADER);
});

t('ICMP both ways', () => {
  const header = { type: 8, code: 0, checksum: 0, rest: Icmpv4.echoRest(0x66, 7) };
  assert.is(
    written(8, view => Icmpv4.emit(view, AT, header)),
    plain(ECHO),
  );
  assert.equal(Icmpv4.parse(placed(ECHO), AT), header);
  assert.is(Icmpv4.identifier(placed(ECHO), AT), 0x66);
  assert.is(Icmpv4.sequence(placed(ECHO), AT), 7);
  assert.is(Icmpv4.nextHopMtu(placed('03 04 0000 0000 05c8'), AT), 1480);
  assert.is(Icmpv4.gateway(placed('05 01 0000 c0a80afe'), AT), Address.from('192.168.10.254'));
});

t('VXLAN both ways', () => {
  assert.is(
    written(8, view => Vxlan.emit(view, AT, { vni: 4096 })),
    plain(VXLAN),
  );
  assert.equal(Vxlan.parse(placed(VXLAN), AT), { vni: 4096 });
  assert.is(
    written(8, view => Vxlan.emit(view, AT, { vni: 0xffffff })),
    '08000000ffffff00',
  );
});

for (const [what, hex, header, length] of [
  ['a SYN', SYN, SYN_HEADER, 40],
  ['an ACK with SACK blocks', SACK, SACK_HEADER, 60],
] as const)
  t(`TCP both ways: ${what}`, () => {
    assert.is(
      written(length, view => assert.is(Tcp.emit(view, AT, header), length)),
      plain(hex),
    );
    assert.equal(Tcp.parse(placed(hex), AT), header);
    assert.is(Tcp.check(placed(hex), AT, AT + length), Fault.None);
  });

t('TCP refuses to write options of more than 40 octets', () => {
  const block = { start: 1, end: 2 };
  const options = { ...SACK_HEADER.options, sackBlocks: [block, block, block, block] };
  assert.throws(() => Tcp.emit(dirty(), AT, { ...SACK_HEADER, options }), /need 48 octets/);
});

for (const [what, hex, options] of [
  ['SACK-permitted without timestamps', '01010402', { sackPermitted: true }],
  ['window scale alone', '01030305', { windowScale: 5 }],
  ['options behind the end of the list', '00030305', {}],
  ['an unknown option', 'fd040000 03030701', { windowScale: 7 }],
  ['a length of 0', '02000000 03030701', {}],
  ['a length past the header', '020405a0 0308 0101', { mss: 1440 }],
  ['an MSS option of a wrong length', '0205 05a000 030307', { windowScale: 7 }],
  ['a kind octet without a length', '010101 03', {}],
] as const)
  t(`TCP reads ${what}`, () => {
    const header = 20 + plain(hex).length / 2;
    const view = placed(
      plain(SYN).slice(0, 24) + ((header / 4) << 4).toString(16) + '02faf000000000' + plain(hex),
    );
    assert.is(Tcp.headerLength(view, AT), header);
    assert.equal(Tcp.parseOptions(view, AT, header), options);
  });

t('TCP sees aligned timestamps only when they are all there is', () => {
  const view = dirty();
  const options = { timestamps: { value: 7, echoReply: 9 } };
  Tcp.emit(view, AT, { ...SACK_HEADER, options });
  assert.ok(Tcp.hasAlignedTimestamps(view, AT));
  assert.is(Tcp.alignedTimestampValue(view, AT), 7);
  assert.is(Tcp.alignedTimestampEcho(view, AT), 9);
  assert.not(Tcp.hasAlignedTimestamps(placed(SYN), AT));
  assert.not(Tcp.hasAlignedTimestamps(placed(SACK), AT));
});

/** A valid IPv4 header with one octet changed; unless the checksum is the point, it is made right again. */
function ipv4With(offset: number, value: number, repair = true): DataView {
  const view = dirty();
  Ipv4.emit(view, AT, IPV4_HEADER);
  view.setUint8(AT + offset, value);
  if (repair) {
    view.setUint16(AT + 10, 0);
    view.setUint16(AT + 10, Checksum.complement(Checksum.sum(view, AT, AT + Ipv4.headerLength(view, AT))));
  }
  return view;
}
for (const [what, offset, value, repair, available, fault] of [
  ['version 6', 0, 0x65, true, 1500, Fault.BadVersion],
  ['a header of 16 octets', 0, 0x44, true, 1500, Fault.BadLength],
  ['a header longer than the real bytes', 0, 0x4f, true, 1500, Fault.Truncated],
  ['a flipped bit', 12, 0xad, false, 1500, Fault.BadChecksum],
  ['total length past what arrived', 0, 0x45, true, 1499, Fault.BadLength],
] as const)
  t(`IPv4 check: ${what}`, () => {
    const view = ipv4With(offset, value, repair);
    assert.is(Ipv4.check(view, AT, AT + 30, available), fault);
  });

t('IPv4 check: total length below the header', () => {
  const view = dirty();
  Ipv4.emit(view, AT, { ...IPV4_HEADER, totalLength: 19 });
  assert.is(Ipv4.check(view, AT, AT + 20, 1500), Fault.BadLength);
});

t('IPv4 check accepts options', () => {
  const view = ipv4With(0, 0x46);
  assert.is(Ipv4.check(view, AT, AT + 24, 1500), Fault.None);
});

for (const [what, hex, fault] of [
  ['Token Ring', '0006' + plain(ARP).slice(4), Fault.BadType],
  ['IPv6', '000186dd' + plain(ARP).slice(8), Fault.BadType],
  ['a hardware length of 8', '0001080008' + plain(ARP).slice(10), Fault.BadLength],
  ['a protocol length of 16', '000108000610' + plain(ARP).slice(12), Fault.BadLength],
] as const)
  t(`ARP check refuses ${what}`, () => assert.is(Arp.check(placed(hex), AT, AT + 28), fault));

for (const [what, hex] of [
  ['no I flag', '00000000 001000 00'],
  ['another flag beside it', '0c000000 001000 00'],
  ['reserved bits behind the flags', '08000001 001000 00'],
  ['reserved bits behind the VNI', '08000000 001000 01'],
] as const)
  t(`VXLAN check refuses ${what}`, () => assert.is(Vxlan.check(placed(hex), AT, AT + 8), Fault.BadFlags));

for (const [what, hex, available, fault] of [
  ['a length below the header', '8235 0009 0007 0000', 100, Fault.BadLength],
  ['a length past what arrived', UDP, 15, Fault.BadLength],
  ['a length that what arrived exceeds', UDP, 17, Fault.None],
] as const)
  t(`UDP check: ${what}`, () => assert.is(Udp.check(placed(hex), AT, AT + 8, available), fault));

t('TCP check refuses a data offset below 5', () => {
  assert.is(Tcp.check(placed(plain(SYN).replace('a002faf0', '4002faf0')), AT, AT + 40), Fault.BadLength);
});

for (const [what, length, check] of [
  ['Ethernet', 14, (end: number) => Ethernet.check(placed(ETHERNET), AT, end)],
  ['ARP', 28, (end: number) => Arp.check(placed(ARP), AT, end)],
  ['IPv4', 20, (end: number) => Ipv4.check(ipv4With(0, 0x45), AT, end, 1500)],
  ['ICMP', 8, (end: number) => Icmpv4.check(placed(ECHO), AT, end)],
  ['UDP', 8, (end: number) => Udp.check(placed(UDP), AT, end, 16)],
  ['TCP', 40, (end: number) => Tcp.check(placed(SYN), AT, end)],
  ['VXLAN', 8, (end: number) => Vxlan.check(placed(VXLAN), AT, end)],
] as const)
  t(`${what} check refuses every truncation`, () => {
    for (let end = AT; end < AT + length; end++) assert.is(check(end), Fault.Truncated, `${end - AT} octets`);
    assert.is(check(AT + length), Fault.None);
  });

/** uvu compares prototypes, which fast-check's records otherwise lack. */
const plainRecord = { noNullPrototype: true } as const;
const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u48 = fc.integer({ min: 0, max: 0xffff_ffff_ffff });
const ipv4Header = fc.record(
  {
    tos: u8,
    totalLength: fc.integer({ min: 20, max: 0xffff }),
    identification: u16,
    flags: fc.constantFrom(0, Ipv4.FLAG_DF, Ipv4.FLAG_MF, Ipv4.FLAG_DF | Ipv4.FLAG_MF, Ipv4.FLAG_RESERVED),
    fragmentOffset: fc.integer({ min: 0, max: 0x1fff }).map(units => units * 8),
    ttl: u8,
    protocol: u8,
    source: u32,
    destination: u32,
  },
  plainRecord,
);
const tcpHeader = fc.record(
  {
    sourcePort: u16,
    destinationPort: u16,
    sequence: u32,
    acknowledgment: u32,
    flags: u8,
    window: u16,
    checksum: u16,
    urgentPointer: u16,
    options: fc.record(
      {
        mss: u16,
        windowScale: u8,
        sackPermitted: fc.constant(true as const),
        timestamps: fc.record({ value: u32, echoReply: u32 }, plainRecord),
        sackBlocks: fc.array(fc.record({ start: u32, end: u32 }, plainRecord), {
          minLength: 1,
          maxLength: 2,
        }),
      },
      { requiredKeys: [], ...plainRecord },
    ),
  },
  plainRecord,
);

t('parse is the inverse of emit', () => {
  const ethernet = fc.record({ destination: u48, source: u48, etherType: u16 }, plainRecord);
  void fc.assert(
    fc.property(ethernet, ipv4Header, tcpHeader, (link, network, transport) => {
      const view = dirty();
      Ethernet.emit(view, AT, link);
      assert.equal(Ethernet.parse(view, AT), link);
      Ipv4.emit(view, AT, network);
      assert.is(Ipv4.check(view, AT, AT + 20, 0xffff), Fault.None);
      assert.equal(Ipv4.parse(view, AT), network);
      const length = Tcp.emit(view, AT, transport);
      assert.is(Tcp.check(view, AT, AT + length), Fault.None);
      assert.equal(Tcp.parse(view, AT), transport);
    }),
    { numRuns: 300 },
  );
});

/** Each setter must leave the header that `emit` writes for the new values. */
const PATCHES: readonly [string, (view: DataView, at: number, value: number) => void, object][] = [
  ['setTos', Ipv4.setTos, { tos: 0x5a }],
  ['setTotalLength', Ipv4.setTotalLength, { totalLength: 1480 }],
  ['setIdentification', Ipv4.setIdentification, { identification: 0xfffe }],
  ['setTtl', Ipv4.setTtl, { ttl: 1 }],
  ['setSource', Ipv4.setSource, { source: 0xffff_0001 }],
  ['setDestination', Ipv4.setDestination, { destination: 0x0000_ffff }],
];
for (const [name, set, change] of PATCHES)
  t(`IPv4 ${name} patches the checksum`, () => {
    void fc.assert(
      fc.property(ipv4Header, header => {
        const patched = dirty();
        Ipv4.emit(patched, AT, header);
        set(patched, AT, Object.values(change)[0] as number);
        const fresh = dirty();
        Ipv4.emit(fresh, AT, { ...header, ...change });
        assert.is(hexOf(patched, 20), hexOf(fresh, 20));
      }),
    );
  });

t('IPv4 decrementTtl, setFragment and setEcn patch the checksum', () => {
  void fc.assert(
    fc.property(ipv4Header, header => {
      const patched = dirty();
      Ipv4.emit(patched, AT, { ...header, ttl: header.ttl | 1 });
      Ipv4.decrementTtl(patched, AT);
      Ipv4.setFragment(patched, AT, Ipv4.FLAG_MF, 1456);
      Ipv4.setEcn(patched, AT, Ipv4.ECN_CE);
      const fresh = dirty();
      Ipv4.emit(fresh, AT, {
        ...header,
        tos: header.tos | 3,
        ttl: (header.ttl | 1) - 1,
        flags: Ipv4.FLAG_MF,
        fragmentOffset: 1456,
      });
      assert.is(hexOf(patched, 20), hexOf(fresh, 20));
    }),
  );
});

t('a setter keeps a wrong IPv4 checksum wrong', () => {
  const view = ipv4With(12, 0xad, false);
  Ipv4.decrementTtl(view, AT);
  assert.is(Ipv4.check(view, AT, AT + 20, 1500), Fault.BadChecksum);
});

for (const [what, flags, offset, fragment] of [
  ['a whole packet', Ipv4.FLAG_DF, 0, false],
  ['a first fragment', Ipv4.FLAG_MF, 0, true],
  ['a middle fragment', Ipv4.FLAG_MF, 1456, true],
  ['a last fragment', 0, 2912, true],
] as const)
  t(`IPv4 isFragment: ${what}`, () => {
    const view = dirty();
    Ipv4.emit(view, AT, { ...IPV4_HEADER, flags, fragmentOffset: offset });
    assert.is(Ipv4.isFragment(view, AT), fragment);
    assert.is(Ipv4.dontFragment(view, AT), flags === Ipv4.FLAG_DF);
    assert.is(Ipv4.moreFragments(view, AT), flags === Ipv4.FLAG_MF);
    assert.is(Ipv4.fragmentOffset(view, AT), offset);
  });

t('NAT leaves valid UDP and TCP checksums', () => {
  void fc.assert(
    fc.property(u32, u32, u32, u16, u16, tcpHeader, (source, destination, translated, port, payload, tcp) => {
      const view = dirty();
      Udp.emit(view, AT, UDP_HEADER);
      Udp.setChecksum(view, AT, Udp.checksum(view, AT, source, destination, 16, payload));
      Udp.addressChanged(view, AT, source, translated);
      Udp.setSourcePort(view, AT, port);
      Udp.setDestinationPort(view, AT, port);
      assert.ok(Udp.isValid(view, AT, translated, destination, 16, payload));
      assert.is(Udp.checksumField(view, AT), Udp.checksum(view, AT, translated, destination, 16, payload));
      const length = Tcp.emit(view, AT, tcp);
      Tcp.setChecksum(view, AT, Tcp.checksum(view, AT, length, source, destination, 999, payload));
      Tcp.addressChanged(view, AT, destination, translated);
      Tcp.setSourcePort(view, AT, port);
      Tcp.setDestinationPort(view, AT, port);
      assert.ok(Tcp.isValid(view, AT, length, source, translated, 999, payload));
    }),
  );
});

t('NAT leaves an absent UDP checksum absent', () => {
  const view = placed(UDP);
  Udp.addressChanged(view, AT, 1, 2);
  Udp.setSourcePort(view, AT, 7);
  assert.is(Udp.checksumField(view, AT), 0);
  assert.ok(Udp.isValid(view, AT, 1, 2, 16, 0));
});

t('a computed UDP checksum is never 0', () => {
  const view = placed('0000 0000 0008 0000');
  // The pseudo header and header sum to 8 + 8 + 17; make the addresses fill up to 0xffff.
  const source = 0xffff - 33;
  assert.is(Udp.checksum(view, AT, source, 0, 8, 0), 0xffff);
});

t('NAT of an echo identifier keeps its checksum valid', () => {
  void fc.assert(
    fc.property(u16, u16, u16, (before, after, payload) => {
      const view = dirty();
      Icmpv4.emit(view, AT, { type: 8, code: 0, checksum: 0, rest: Icmpv4.echoRest(before, 1) });
      Icmpv4.setChecksum(view, AT, Icmpv4.checksum(view, AT, AT + 8, payload));
      Icmpv4.setIdentifier(view, AT, after);
      assert.is(Icmpv4.identifier(view, AT), after);
      assert.ok(Icmpv4.isValid(view, AT, AT + 8, payload));
    }),
  );
});

t('an ICMP checksum does not depend on how much of the payload is virtual', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 100 }), fc.nat(), (message, cut) => {
      const view = new DataView(message.slice().buffer);
      const real = 8 + (cut % (message.length - 7));
      const rest = Checksum.sum(view, real, message.length);
      assert.is(Icmpv4.checksum(view, 0, real, rest), Icmpv4.checksum(view, 0, message.length));
    }),
  );
});

t('a sum is that of the 16-bit words, an odd octet padded with zero', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), data => {
      let total = 0;
      for (let i = 0; i < data.length; i++) total += i % 2 === 0 ? data[i]! << 8 : data[i]!;
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
      assert.is(Checksum.sum(new DataView(data.slice().buffer), 0, data.length), total);
    }),
  );
});

t('a TCP header with timestamps alone is the same written in words', () => {
  const [port, number] = [fc.nat(0xffff), fc.nat(0xffff_ffff)];
  const field = fc.record({
    port,
    other: port,
    sequence: number,
    acknowledgment: number,
    value: number,
    echo: number,
  });
  void fc.assert(
    fc.property(
      field,
      fc.nat(0xff),
      port,
      number,
      number,
      fc.nat(1448),
      port,
      (f, flags, window, source, destination, length, payload) => {
        const [usual, quick] = [dirty(), dirty()];
        const timestamps = { value: f.value, echoReply: f.echo };
        Tcp.emit(usual, AT, {
          sourcePort: f.port,
          destinationPort: f.other,
          sequence: f.sequence,
          acknowledgment: f.acknowledgment,
          flags,
          window,
          checksum: 0,
          urgentPointer: 0,
          options: { timestamps },
        });
        Tcp.setChecksum(usual, AT, Tcp.checksum(usual, AT, 32, source, destination, 32 + length, payload));
        const ports = Tcp.portsWord(f.port, f.other);
        const fixed = Tcp.timestampedSum(Checksum.pseudoHeader(source | 0, destination | 0, 6, 0), ports);
        const [sequence, acknowledgment, value, echo] = [f.sequence, f.acknowledgment, f.value, f.echo].map(
          one => one | 0,
        );
        Tcp.emitTimestamped(
          quick,
          AT,
          ports,
          sequence!,
          acknowledgment!,
          Tcp.controlWord(flags, window),
          value!,
          echo!,
          fixed + length + payload,
        );
        assert.equal(quick, usual);
        assert.is(Tcp.ports(quick, AT), ports);
        assert.is(Tcp.sequenceWord(quick, AT), sequence);
        assert.is(Tcp.acknowledgmentWord(quick, AT), acknowledgment);
        assert.ok(Tcp.isValid(quick, AT, 32, source, destination, 32 + length, payload));
        quick.setUint16(AT + 16, quick.getUint16(AT + 16) ^ 0xffff);
        assert.not(Tcp.isValid(quick, AT, 32, source, destination, 32 + length, payload));
      },
    ),
  );
});

t('sums of parts add up, odd parts swapped', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(64), (data, cut) => {
      const view = new DataView(data.slice().buffer);
      const middle = Math.min(cut, data.length);
      const tail = Checksum.sum(view, middle, data.length);
      const whole = Checksum.sum(view, 0, data.length);
      assert.is(Checksum.add(Checksum.sum(view, 0, middle), middle & 1 ? Checksum.swap(tail) : tail), whole);
      assert.is(Checksum.sum(view, middle & ~1, data.length, Checksum.sum(view, 0, middle & ~1)), whole);
    }),
  );
});

t('the example of RFC 1071 §3 sums to ddf2', () => {
  assert.is(Checksum.sum(placed('0001 f203 f4f5 f6f7'), AT, AT + 8), 0xddf2);
});

t('the example of RFC 1624 §4: eqn. 3 gives 0000 where RFC 1141 gave ffff', () => {
  assert.is(Checksum.update(0xdd2f, 0x5555, 0x3285), 0x0000);
});

t('update equals recomputation', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 40 }), u32, fc.nat(), (data, value, where) => {
      const view = new DataView(data.slice().buffer);
      view.setUint8(0, 0x45); // no real packet is all zero
      const at = 2 + ((where % (data.length - 6)) & ~1);
      const checksum = Checksum.complement(Checksum.sum(view, 0, data.length));
      const before = view.getUint32(at);
      view.setUint32(at, value);
      const after = Checksum.complement(Checksum.sum(view, 0, data.length));
      assert.is(Checksum.update32(checksum, before, value), after);
    }),
  );
});

t('word and pseudoHeader are sums of their octets', () => {
  void fc.assert(
    fc.property(u32, u32, u8, u16, (source, destination, protocol, length) => {
      const view = dirty();
      view.setUint32(0, source);
      view.setUint32(4, destination);
      view.setUint16(8, protocol);
      view.setUint16(10, length);
      assert.is(Checksum.pseudoHeader(source, destination, protocol, length), Checksum.sum(view, 0, 12));
      assert.is(Checksum.word(source), Checksum.sum(view, 0, 4));
    }),
  );
});

t('sequence numbers compare around zero', () => {
  assert.ok(Tcp.seqLt(0xffff_fff0, 0x10));
  assert.ok(Tcp.seqGt(0x10, 0xffff_fff0));
  assert.not(Tcp.seqLt(5, 5));
  assert.ok(Tcp.seqLeq(5, 5));
  assert.ok(Tcp.seqGeq(5, 5));
  assert.ok(Tcp.seqLt(0, 0x7fff_ffff));
  assert.is(Tcp.seqAdd(0xffff_ffff, 2), 1);
  assert.is(Tcp.seqAdd(0, -1), 0xffff_ffff);
  assert.is(Tcp.seqDiff(1, 0xffff_ffff), 2);
  assert.is(Tcp.seqMax(0xffff_ffff, 1), 1);
  assert.is(Tcp.seqMin(0xffff_ffff, 1), 0xffff_ffff);
});

t.run();
