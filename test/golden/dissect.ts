/**
 * A captured frame as a row of the recordings' tables: the columns that `tshark -T fields` fills, with its rules (nested
 * values joined by `|`, the header that an ICMP error quotes last). It reads octets by itself: a codec of ours that is
 * wrong both ways would otherwise not be noticed.
 */
import type { PacketRow } from './recording.ts';

class Row {
  readonly fields = new Map<string, string[]>();

  put(column: string, value: string | number): void {
    const values = this.fields.get(column) ?? [];
    values.push(String(value));
    this.fields.set(column, values);
  }

  done(): PacketRow {
    return Object.fromEntries([...this.fields].map(([column, values]) => [column, values.join('|')]));
  }
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;
const address = (v: DataView, at: number): string => [0, 1, 2, 3].map(i => v.getUint8(at + i)).join('.');
const mac = (v: DataView, at: number): string =>
  [0, 1, 2, 3, 4, 5]
    .map(i =>
      v
        .getUint8(at + i)
        .toString(16)
        .padStart(2, '0'),
    )
    .join(':');

/** `link` is `raw` for what passes a tunnel device of IPIP. `length` is the frame's, however much was captured. */
export function dissect(octets: Uint8Array, link: 'ether' | 'raw', length: number): PacketRow {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const row = new Row();
  row.put('frame.len', length);
  if (link === 'raw') ip(row, view, 0, false);
  else ethernet(row, view, 0);
  return row.done();
}

function ethernet(row: Row, v: DataView, at: number): void {
  row.put('eth.src', mac(v, at + 6));
  row.put('eth.dst', mac(v, at));
  const type = v.getUint16(at + 12);
  if (type === 0x0800) ip(row, v, at + 14, false);
  if (type !== 0x0806) return;
  row.put('arp.opcode', v.getUint16(at + 20));
  row.put('arp.src.proto_ipv4', address(v, at + 28));
  row.put('arp.dst.proto_ipv4', address(v, at + 38));
}

function ip(row: Row, v: DataView, at: number, quoted: boolean): void {
  const fragment = v.getUint16(at + 6);
  const protocol = v.getUint8(at + 9);
  row.put('ip.src', address(v, at + 12));
  row.put('ip.dst', address(v, at + 16));
  row.put('ip.len', v.getUint16(at + 2));
  row.put('ip.id', hex(v.getUint16(at + 4), 4));
  row.put('ip.flags.df', (fragment >> 14) & 1);
  row.put('ip.flags.mf', (fragment >> 13) & 1);
  row.put('ip.frag_offset', fragment & 0x1fff);
  row.put('ip.ttl', v.getUint8(at + 8));
  row.put('ip.dsfield', hex(v.getUint8(at + 1), 2));
  row.put('ip.proto', protocol);
  if ((fragment & 0x1fff) !== 0) return;
  const next = at + (v.getUint8(at) & 15) * 4;
  if (next >= v.byteLength) return;
  if (protocol === 4) ip(row, v, next, quoted);
  else if (protocol === 1) icmp(row, v, next);
  else if (protocol === 17) udp(row, v, next, quoted);
  else if (protocol === 6) tcp(row, v, next, v.getUint16(at + 2) - (next - at), quoted);
}

function icmp(row: Row, v: DataView, at: number): void {
  const type = v.getUint8(at);
  row.put('icmp.type', type);
  row.put('icmp.code', v.getUint8(at + 1));
  if (type === 0 || type === 8) {
    row.put('icmp.ident', v.getUint16(at + 4));
    row.put('icmp.seq', v.getUint16(at + 6));
    return;
  }
  if (type === 3 && v.getUint8(at + 1) === 4) row.put('icmp.mtu', v.getUint16(at + 6));
  ip(row, v, at + 8, true);
}

function udp(row: Row, v: DataView, at: number, quoted: boolean): void {
  const port = v.getUint16(at + 2);
  row.put('udp.srcport', v.getUint16(at));
  row.put('udp.dstport', port);
  row.put('udp.length', v.getUint16(at + 4));
  row.put('udp.checksum', hex(v.getUint16(at + 6), 4));
  if (port !== 4789 || quoted) return;
  row.put('vxlan.vni', v.getUint32(at + 12) >>> 8);
  ethernet(row, v, at + 16);
}

const FLAGS = '···NCEUAPRSF';

function tcp(row: Row, v: DataView, at: number, length: number, quoted: boolean): void {
  row.put('tcp.srcport', v.getUint16(at));
  row.put('tcp.dstport', v.getUint16(at + 2));
  const bits = v.getUint16(at + 12) & 0x0fff;
  const flag = (name: string, i: number): string => ((bits >> (11 - i)) & 1 ? name : '·');
  row.put('tcp.flags.str', [...FLAGS].map(flag).join(''));
  row.put('tcp.window_size_value', v.getUint16(at + 14));
  if (quoted) return;
  const header = (v.getUint8(at + 12) >> 4) * 4;
  row.put('tcp.len', length - header);
  const mss = maximumSegmentSize(v, at + 20, at + header);
  if (mss !== undefined) row.put('tcp.options.mss_val', mss);
}

function maximumSegmentSize(v: DataView, from: number, end: number): number | undefined {
  let at = from;
  while (at < end && v.getUint8(at) !== 0) {
    const kind = v.getUint8(at);
    if (kind === 2) return v.getUint16(at + 2);
    at += kind === 1 ? 1 : v.getUint8(at + 1);
  }
  return undefined;
}
