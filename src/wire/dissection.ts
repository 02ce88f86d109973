/**
 * What the printers of `describe` share: bounded reads of one captured packet, the options of the command line, the
 * text so far, and the initial sequence numbers of the TCP connections seen.
 *
 * A read past the captured octets ends the whole description, as in tcpdump: the text gets ` [|proto]` with the
 * protocol that was being printed.
 */
import * as Ipv4Address from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import * as Checksum from './checksum.ts';
import { serviceName } from './services.ts';

/** The options of tcpdump that change a line. */
export interface TcpdumpOptions {
  /** `-e`: print the link-layer header. */
  readonly linkHeader?: boolean;
  /** `-n`: numbers instead of names of ports and protocols. Addresses are always numbers unless `nameOf` names them. */
  readonly numeric?: boolean;
  /** `-v` is 1, `-vv` is 2. */
  readonly verbose?: 0 | 1 | 2;
  /** `-S`: absolute TCP sequence numbers. */
  readonly absoluteSequence?: boolean;
  /** For the cooked header of `-i any`: the device of that index here. */
  readonly deviceName?: (index: number) => string | undefined;
  /** The resolver, used without `-n`. */
  readonly nameOf?: (address: Ipv4Address.Ipv4Address) => string | undefined;
}

/** Initial sequence numbers of a connection, from the side with the lower port. */
interface Conversation {
  sequence: number;
  acknowledgment: number;
}

/** What tcpdump remembers between packets: one for a capture, for relative sequence numbers. */
export class TcpdumpState {
  readonly conversations: Map<string, Conversation> = new Map();
}

/** Thrown by a read past the captured octets; never leaves `describe`. */
export class Truncated extends Error {}

/** Printers of a whole frame or packet, for the protocols that carry or quote one. `length` is that on the wire. */
export interface Nested {
  readonly frame: (dissection: Dissection, at: number, length: number) => void;
  readonly packet: (dissection: Dissection, at: number, length: number) => void;
}

/** Where the parts of a dissected packet lie, and what has been printed of it. */
export class Dissection {
  readonly view: DataView;
  readonly nested: Nested;
  readonly options: TcpdumpOptions;
  readonly state: TcpdumpState;
  readonly verbose: number;
  /** End of the octets that may be read: of the capture, or of the IP packet inside it. */
  end: number;
  /** Named in ` [|…]`. */
  protocol = '';
  text = '';

  constructor(view: DataView, nested: Nested, options: TcpdumpOptions, state: TcpdumpState) {
    this.view = view;
    this.nested = nested;
    this.options = options;
    this.state = state;
    this.verbose = options.verbose ?? 0;
    this.end = view.byteLength;
  }

  print(text: string): void {
    this.text += text;
  }

  has(at: number, octets: number): boolean {
    return at + octets <= this.end;
  }

  need(at: number, octets: number): void {
    if (!this.has(at, octets)) throw new Truncated();
  }

  u8(at: number): number {
    this.need(at, 1);
    return this.view.getUint8(at);
  }

  u16(at: number): number {
    this.need(at, 2);
    return this.view.getUint16(at);
  }

  u32(at: number): number {
    this.need(at, 4);
    return this.view.getUint32(at);
  }

  /** The address at `at`, as the options want it. */
  address(at: number): string {
    const address = this.u32(at);
    const name = this.options.numeric ? undefined : this.options.nameOf?.(address);
    return name ?? Ipv4Address.format(address);
  }

  /**
   * Without `-n` a MAC address comes with its maker; locally administered ones, as all of ours, have none, and that of the
   * loopback device, which is zero, is called Ethernet.
   */
  mac(mac: Mac.MacAddress): string {
    if (this.options.numeric) return Mac.format(mac);
    if (mac === Mac.BROADCAST) return 'Broadcast';
    return `${Mac.format(mac)} (oui ${mac < 2 ** 24 ? 'Ethernet' : 'Unknown'})`;
  }

  port(port: number, protocol: 'tcp' | 'udp'): string {
    const name = this.options.numeric ? undefined : serviceName(port, protocol);
    return name ?? String(port);
  }
}

/** Names of the set bits, joined; `none` when no bit is set. */
export function bits(
  names: readonly (readonly [number, string])[],
  value: number,
  separator: string,
): string {
  const set = names.filter(([bit]) => (value & bit) !== 0).map(([, name]) => name);
  return set.length === 0 ? 'none' : set.join(separator);
}

export const hex4 = (value: number): string => value.toString(16).padStart(4, '0');

/** The right value of a checksum field that holds `is`, if all octets, the field included, have `sum`. */
export const shouldBe = (is: number, sum: number): number =>
  Checksum.complement(Checksum.add(sum, Checksum.complement(is)));

/** `length` octets in hex, 16 to a line; every line begins with `indent` and the offset. */
export function hexDump(d: Dissection, indent: string, at: number, length: number): string {
  let text = '';
  for (let line = 0; line < length; line += 16) {
    text += `${indent}0x${hex4(line)}: `;
    for (let i = line; i < Math.min(line + 16, length); i++)
      text +=
        (i % 2 === 0 ? ' ' : '') +
        d
          .u8(at + i)
          .toString(16)
          .padStart(2, '0');
  }
  return text;
}

/** Like `hexDump`, with the printable characters at the right: what tcpdump prints of an unknown payload, and for `-X`. */
export function hexAndAscii(d: Dissection, indent: string, at: number, length: number): string {
  let text = '';
  for (let line = 0; line < length; line += 16) {
    let hex = '';
    let ascii = '';
    for (let i = line; i < Math.min(line + 16, length); i++) {
      const octet = d.u8(at + i);
      hex += (i % 2 === 0 && i > line ? ' ' : '') + octet.toString(16).padStart(2, '0');
      ascii += octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '.';
    }
    text += `${indent}0x${hex4(line)}:  ${hex.padEnd(39)}  ${ascii}`;
  }
  return text;
}
