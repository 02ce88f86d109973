/**
 * The part of `describe` for BGP: without `-v` only the word, with it every message of the segment, indented by tabs as
 * tcpdump does. A TCP segment is not a message: one that starts in the middle is announced by ` [|bgp]`, one that goes
 * on in the next segment by its name in brackets.
 *
 * This reads what is there and judges nothing; the codec that judges is bgp/.
 */
import * as Ipv4Address from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import * as Names from './describe-bgp-names.ts';
import { bits, type Dissection, hexDump } from './dissection.ts';

const HEADER_LENGTH = 19;
const MARKER_LENGTH = 16;

/** The `length` octets of TCP payload at `at`. */
export function printBgp(d: Dissection, at: number, length: number): void {
  d.protocol = 'bgp';
  d.print(': BGP');
  if (d.verbose === 0) return;
  const end = Math.min(at + length, d.end);
  let expected = at;
  for (let i = at; i < end; ) {
    if (!isMarker(d, i, end)) {
      i += 1;
      continue;
    }
    d.need(i, HEADER_LENGTH);
    if (i !== expected) d.print(' [|bgp]');
    const size = d.u16(i + MARKER_LENGTH);
    const type = d.u8(i + MARKER_LENGTH + 2);
    if (size < HEADER_LENGTH) {
      d.print(`\nmessage header length ${size} < ${HEADER_LENGTH}`);
      d.print(' (invalid)');
      return;
    }
    if (!d.has(i, size)) {
      d.print(`\n[|BGP ${Names.MESSAGES[type] ?? 'Unknown'}]`);
      return;
    }
    d.print(`\n\t${Names.MESSAGES[type] ?? 'Unknown'} Message (${type}), length: ${size}`);
    if (type === Names.OPEN) printOpen(d, i);
    else if (type === Names.UPDATE) printUpdate(d, i, size);
    else if (type === Names.NOTIFICATION) printNotification(d, i, size);
    else if (type === Names.ROUTE_REFRESH) printRouteRefresh(d, i, size);
    else if (Names.MESSAGES[type] === undefined)
      d.print(`\n\t  no Message ${type} decoder${hexDump(d, '\n\t  ', i, size)}`);
    i += size;
    expected = i;
  }
}

function isMarker(d: Dissection, at: number, end: number): boolean {
  if (at + MARKER_LENGTH > end) return false;
  for (let i = at; i < at + MARKER_LENGTH; i++) if (d.u8(i) !== 0xff) return false;
  return true;
}

const named = (names: Readonly<Record<number, string>>, value: number): string =>
  `${names[value] ?? 'Unknown'} (${value})`;

function printOpen(d: Dissection, message: number): void {
  const at = message + HEADER_LENGTH;
  const identifier = Ipv4Address.format(d.u32(at + 5));
  d.print(`\n\t  Version ${d.u8(at)}, my AS ${d.u16(at + 1)}, Holdtime ${d.u16(at + 3)}s, ID ${identifier}`);
  const length = d.u8(at + 9);
  d.print(`\n\t  Optional parameters, length: ${length}`);
  for (let i = at + 10; i + 2 <= at + 10 + length; i += 2 + d.u8(i + 1)) {
    const type = d.u8(i);
    const size = d.u8(i + 1);
    d.print(`\n\t    Option ${named(Names.OPTIONS, type)}, length: ${size}`);
    if (type === 2) printCapabilities(d, i + 2, size);
    else d.print(`\n\t      no decoder for option ${type}`);
  }
}

function printCapabilities(d: Dissection, at: number, length: number): void {
  for (let i = at; i + 2 <= at + length; i += 2 + d.u8(i + 1)) {
    const code = d.u8(i);
    const size = d.u8(i + 1);
    d.print(`\n\t      ${Names.CAPABILITIES[code] ?? 'Unknown'} (${code}), length: ${size}`);
    printCapability(d, code, i + 2, size);
    if (d.verbose > 1 && size > 0) d.print(hexDump(d, '\n\t\t', i + 2, size));
  }
}

function printCapability(d: Dissection, code: number, at: number, size: number): void {
  switch (code) {
    case Names.CAPABILITY_MULTIPROTOCOL:
      d.print(
        `\n\t\tAFI ${named(Names.FAMILIES, d.u16(at))}, SAFI ${named(Names.SUBFAMILIES, d.u8(at + 3))}`,
      );
      return;
    case Names.CAPABILITY_GRACEFUL_RESTART: {
      const word = d.u16(at);
      const flags = bits([[8, 'R']], word >>> 12, '');
      d.print(`\n\t\tRestart Flags: [${flags}], Restart Time ${word & 0xfff}s`);
      for (let i = at + 2; i + 4 <= at + size; i += 4) {
        const kept = (d.u8(i + 3) & 0x80) === 0 ? 'no' : 'yes';
        const family = `AFI ${named(Names.FAMILIES, d.u16(i))}, SAFI ${named(Names.SUBFAMILIES, d.u8(i + 2))}`;
        d.print(`\n\t\t  ${family}, Forwarding state preserved: ${kept}`);
      }
      return;
    }
    case Names.CAPABILITY_FOUR_OCTET_AS:
      d.print(`\n\t\t 4 Byte AS ${d.u32(at)}`);
      return;
    case Names.CAPABILITY_MULTIPLE_PATHS:
      if (size === 0) d.print(' (bogus)');
      for (let i = at; i + 4 <= at + size; i += 4) {
        const family = `AFI ${named(Names.FAMILIES, d.u16(i))}, SAFI ${named(Names.SUBFAMILIES, d.u8(i + 2))}`;
        d.print(`\n\t\t${family}, Send/Receive: ${Names.ADD_PATH_DIRECTIONS[d.u8(i + 3)] ?? 'Bogus (0x00)'}`);
      }
      return;
    case Names.CAPABILITY_ROUTE_REFRESH:
    case Names.CAPABILITY_LONG_LIVED:
      return;
    default:
      d.print(`\n\t\tno decoder for Capability ${code}`);
  }
}

function printUpdate(d: Dissection, message: number, size: number): void {
  const end = message + size;
  const withdrawn = message + HEADER_LENGTH + 2;
  const withdrawnLength = d.u16(withdrawn - 2);
  if (withdrawnLength > 0) {
    d.print('\n\t  Withdrawn routes:');
    printPrefixes(d, withdrawn, withdrawnLength);
  }
  const attributes = withdrawn + withdrawnLength + 2;
  const attributesLength = d.u16(attributes - 2);
  for (let i: number | undefined = attributes; i !== undefined && i < attributes + attributesLength; )
    i = printAttribute(d, i, attributes + attributesLength);
  const routes = attributes + attributesLength;
  if (attributesLength === 0 && routes === end) d.print('\n\t  End-of-Rib Marker (empty NLRI)');
  if (routes === end) return;
  d.print('\n\t  Updated routes:');
  printPrefixes(d, routes, end - routes);
}

/** Prints one attribute and returns where the next begins; nothing when it does not fit before `end`. */
function printAttribute(d: Dissection, at: number, end: number): number | undefined {
  const flags = d.u8(at);
  if (at + ((flags & 0x10) === 0 ? 3 : 4) > end) {
    d.print('\n\t  [path attrs too short]');
    return undefined;
  }
  const type = d.u8(at + 1);
  const extended = (flags & 0x10) !== 0;
  const length = extended ? d.u16(at + 2) : d.u8(at + 2);
  const value = at + (extended ? 4 : 3);
  d.print(`\n\t  ${Names.ATTRIBUTES[type] ?? 'Unknown Attribute'} (${type}), length: ${length}`);
  if (flags !== 0) {
    const names = [
      [0x80, 'O'],
      [0x40, 'T'],
      [0x20, 'P'],
      [0x10, 'E'],
    ] as const;
    const set = names
      .filter(([bit]) => (flags & bit) !== 0)
      .map(([, name]) => name)
      .join('');
    d.print(`, Flags [${set}${(flags & 15) === 0 ? '' : `+${(flags & 15).toString(16)}`}]: `);
  }
  if (value + length > end) {
    d.print(' [path attrs too short]');
    return undefined;
  }
  d.print(attributeText(d, type, value, length));
  if (d.verbose > 1 && length > 0) d.print(hexDump(d, '\n\t    ', value, length));
  return value + length;
}

function attributeText(d: Dissection, type: number, at: number, length: number): string {
  const words = (): number[] => Array.from({ length: length >>> 2 }, (_, i) => d.u32(at + i * 4));
  switch (type) {
    case Names.ORIGIN:
      if (length !== 1) return 'invalid len';
      return Names.ORIGINS[d.u8(at)] ?? `Unknown Origin Typecode ${d.u8(at)}`;
    case Names.AS_PATH:
      return length === 0 ? 'empty' : asPathText(d, at, length);
    case Names.NEXT_HOP:
    case Names.ORIGINATOR_ID:
      return length === 4 ? Ipv4Address.format(d.u32(at)) : 'invalid len';
    case Names.MULTI_EXIT_DISC:
    case Names.LOCAL_PREF:
      return length === 4 ? String(d.u32(at)) : 'invalid len';
    case Names.CLUSTER_LIST:
      return words().map(Ipv4Address.format).join(', ');
    case Names.COMMUNITIES:
      return words()
        .map((word, i, all) => {
          const plain = `${word >>> 16}:${word & 0xffff}${i + 1 < all.length ? ', ' : ''}`;
          return Names.WELL_KNOWN_COMMUNITIES[word] ?? plain;
        })
        .join('');
    case Names.ATOMIC_AGGREGATE:
      return '';
    case Names.AGGREGATOR: {
      const size = length === 8 ? 4 : 2;
      const origin = Ipv4Address.format(d.u32(at + size));
      return ` AS #${size === 4 ? d.u32(at) : d.u16(at)}, origin ${origin}`;
    }
    default:
      return `\n\t    no Attribute ${type} decoder${d.verbose > 1 ? '' : hexDump(d, '\n\t    ', at, length)}`;
  }
}

const SEGMENT_OPEN: Readonly<Record<number, string>> = { 1: '{ ', 2: '', 3: '( ', 4: '({ ' };
const SEGMENT_CLOSE: Readonly<Record<number, string>> = { 1: '}', 2: '', 3: ')', 4: '})' };

/**
 * The path carries no hint whether its AS numbers have 2 or 4 octets; like tcpdump, take 2 if the segments add up to the
 * length that way, else 4.
 */
function asPathText(d: Dissection, at: number, length: number): string {
  const size = fitsAsSize(d, at, length, 2) ? 2 : 4;
  let text = '';
  for (let i = at; i + 2 <= at + length; ) {
    const type = d.u8(i);
    const count = d.u8(i + 1);
    text += SEGMENT_OPEN[type] ?? '?';
    for (let n = 0; n < count; n++) {
      const number = i + 2 + n * size;
      text += `${size === 2 ? d.u16(number) : d.u32(number)} `;
    }
    text += SEGMENT_CLOSE[type] ?? '?';
    i += 2 + count * size;
  }
  return text;
}

function fitsAsSize(d: Dissection, at: number, length: number, size: number): boolean {
  let i = at;
  while (i < at + length) {
    const type = d.u8(i);
    if (type < 1 || type > 4) return false;
    i += 2 + d.u8(i + 1) * size;
  }
  return i === at + length;
}

/** Prefixes, each behind a 4-octet path identifier if the octets make no sense without one (RFC 7911 §3). */
function printPrefixes(d: Dissection, at: number, length: number): void {
  const end = at + length;
  const withPathId = hasPathIds(d, at, length);
  for (let i = at; i < end; ) {
    const path = withPathId ? d.u32(i) : undefined;
    if (withPathId) i += 4;
    const bitsOfMask = d.u8(i);
    if (bitsOfMask > 32) {
      d.print('\n\t    (illegal prefix length)');
      return;
    }
    const octets = (bitsOfMask + 7) >>> 3;
    let address = 0;
    for (let n = 0; n < 4; n++) address = address * 256 + (n < octets ? d.u8(i + 1 + n) : 0);
    d.print(`\n\t    ${Prefix.format(Prefix.network(address, bitsOfMask))}`);
    if (path !== undefined) d.print(`   Path Id: ${path}`);
    i += 1 + octets;
  }
}

function hasPathIds(d: Dissection, at: number, length: number): boolean {
  let i = 0;
  while (i + 4 < length) {
    const bitsOfMask = d.u8(at + i + 4);
    if (bitsOfMask > 32) return false;
    i += 5 + ((bitsOfMask + 7) >>> 3);
  }
  if (i !== length) return false;
  for (i = 0; i < length; ) {
    const bitsOfMask = d.u8(at + i);
    if (bitsOfMask < 1 || bitsOfMask > 32) return true;
    i += 1 + ((bitsOfMask + 7) >>> 3);
  }
  return i > length;
}

function printNotification(d: Dissection, message: number, size: number): void {
  const code = d.u8(message + HEADER_LENGTH);
  d.print(`, ${named(Names.ERRORS, code)}`);
  if (code === Names.HOLD_TIMER_EXPIRED) return;
  const subcode = d.u8(message + HEADER_LENGTH + 1);
  const comma = code === Names.FSM_ERROR || code > Names.CEASE ? '' : ',';
  d.print(`${comma} subcode ${Names.SUBCODES[code]?.[subcode] ?? 'Unknown'} (${subcode})`);
  const data = message + HEADER_LENGTH + 2;
  const left = message + size - data;
  // RFC 9003: a shutdown or reset may say why.
  if (code === Names.CEASE && (subcode === 2 || subcode === 4) && left > 0) {
    const length = d.u8(data);
    if (length === 0) d.print(', empty Shutdown Communication');
    else {
      let text = '';
      for (let i = 0; i < length; i++) text += String.fromCharCode(d.u8(data + 1 + i));
      d.print(`, Shutdown Communication (length: ${length}): "${text}"`);
    }
  }
}

function printRouteRefresh(d: Dissection, message: number, size: number): void {
  const at = message + HEADER_LENGTH;
  d.print(`\n\t  AFI ${named(Names.FAMILIES, d.u16(at))}, SAFI ${named(Names.SUBFAMILIES, d.u8(at + 3))}`);
  if (d.verbose > 1) d.print(hexDump(d, '\n\t  ', message, size));
}
