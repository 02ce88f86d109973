/**
 * OPEN (RFC 4271 §4.2) and its capabilities (RFC 5492).
 *
 *     version | my AS | hold time | BGP identifier | parameters length | parameters
 *                                                     2 | length | capability code | length | value ...
 *
 * All capabilities are written into one parameter, as BIRD does. Codes we do not know survive a round trip.
 */
import type { Ipv4Address } from '../../addr/ipv4.ts';
import { Reader, Writer } from './cursor.ts';
import { ErrorCode, WireError } from './error.ts';

/** What stands in the two octets of My AS when the number needs four (RFC 6793 §9). */
export const AS_TRANS = 23456;
export const AFI_IPV4 = 1;
export const SAFI_UNICAST = 1;

/** Per address family: may the peer receive (1), send (2) or both (3) additional paths (RFC 7911 §4). */
export interface AddPathFamily {
  readonly afi: number;
  readonly safi: number;
  readonly mode: number;
}

/** Per address family of the graceful restart capability (RFC 4724 §3). */
export interface RestartFamily {
  readonly afi: number;
  readonly safi: number;
  readonly forwardingPreserved: boolean;
}

export type Capability =
  | { readonly kind: 'multiprotocol'; readonly afi: number; readonly safi: number } //          1, RFC 4760
  | { readonly kind: 'route-refresh' } //                                                       2, RFC 2918
  | {
      readonly kind: 'graceful-restart'; //                                                    64, RFC 4724
      readonly restarting: boolean;
      /** The notification bit (RFC 8538) and the two reserved ones, as they came. */
      readonly flags: number;
      readonly restartTimeSec: number;
      readonly families: readonly RestartFamily[];
    }
  | { readonly kind: 'as4'; readonly as: number } //                                           65, RFC 6793
  | { readonly kind: 'add-path'; readonly families: readonly AddPathFamily[] } //              69, RFC 7911
  | { readonly kind: 'enhanced-route-refresh' } //                                             70, RFC 7313
  | { readonly kind: 'long-lived-graceful-restart'; readonly value: Uint8Array } //            71, RFC 9494
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array };

export interface OpenMessage {
  readonly kind: 'open';
  readonly version: number;
  /** The two-octet field: `AS_TRANS` when the real number is in the AS4 capability. */
  readonly myAs: number;
  readonly holdTimeSec: number;
  readonly identifier: Ipv4Address;
  readonly capabilities: readonly Capability[];
}

const VERSION = 4;
const CAPABILITIES = 2;
const Unspecific = 0;
const UnsupportedVersion = 1;
const BadIdentifier = 3;
const UnsupportedParameter = 4;
const UnacceptableHoldTime = 6;

const malformed = (at: number): WireError => new WireError(ErrorCode.OpenMessage, Unspecific, at);

/** Decode the body (after the 19 octets of header) in `[at, end)`. Throws `WireError` (2/x), RFC 4271 §6.2. */
export function decode(bytes: Uint8Array, at: number, end: number): OpenMessage {
  const r = new Reader(bytes, at, end, malformed);
  const version = r.u8();
  if (version !== VERSION)
    throw new WireError(ErrorCode.OpenMessage, UnsupportedVersion, at, Uint8Array.of(0, VERSION));
  const myAs = r.u16();
  const holdTimeSec = r.u16();
  if (holdTimeSec === 1 || holdTimeSec === 2)
    throw new WireError(ErrorCode.OpenMessage, UnacceptableHoldTime, r.at - 2);
  const identifier = r.u32();
  if (identifier === 0) throw new WireError(ErrorCode.OpenMessage, BadIdentifier, r.at - 4);
  const parametersLength = r.u8();
  if (parametersLength !== r.left) throw malformed(r.at - 1);
  const capabilities: Capability[] = [];
  while (r.left > 0) {
    const parameter = r.u8();
    if (parameter !== CAPABILITIES)
      throw new WireError(
        ErrorCode.OpenMessage,
        UnsupportedParameter,
        r.at - 1,
        bytes.slice(r.at - 1, r.end),
      );
    const inner = r.sub(r.u8());
    while (inner.left > 0) {
      const code = inner.u8();
      capabilities.push(decodeCapability(code, inner.sub(inner.u8())));
    }
  }
  return { kind: 'open', version, myAs, holdTimeSec, identifier, capabilities };
}

function decodeCapability(code: number, r: Reader): Capability {
  const length = r.left;
  const whole = (octets: number): void => {
    if (length !== octets) throw malformed(r.at);
  };
  switch (code) {
    case 1: {
      whole(4);
      const afi = r.u16();
      r.u8(); // reserved
      return { kind: 'multiprotocol', afi, safi: r.u8() };
    }
    case 2:
      whole(0);
      return { kind: 'route-refresh' };
    case 64: {
      const first = r.u16();
      const families: RestartFamily[] = [];
      while (r.left > 0) families.push({ afi: r.u16(), safi: r.u8(), forwardingPreserved: r.u8() >= 0x80 });
      const restarting = first >= 0x8000;
      return {
        kind: 'graceful-restart',
        restarting,
        flags: (first >>> 12) & 7,
        restartTimeSec: first & 0xfff,
        families,
      };
    }
    case 65:
      whole(4);
      return { kind: 'as4', as: r.u32() };
    case 69: {
      const families: AddPathFamily[] = [];
      while (r.left > 0) families.push({ afi: r.u16(), safi: r.u8(), mode: r.u8() });
      return { kind: 'add-path', families };
    }
    case 70:
      whole(0);
      return { kind: 'enhanced-route-refresh' };
    case 71:
      return { kind: 'long-lived-graceful-restart', value: r.take(length).slice() };
    default:
      return { kind: 'unknown', code, value: r.take(length).slice() };
  }
}

/** The body of an OPEN, without header. */
export function encode(open: OpenMessage): Uint8Array {
  const capabilities = new Writer();
  for (const capability of open.capabilities) encodeCapability(capabilities, capability);
  const w = new Writer()
    .u8(open.version)
    .u16(open.myAs)
    .u16(open.holdTimeSec)
    .u32(open.identifier)
    .u8(capabilities.length === 0 ? 0 : capabilities.length + 2);
  if (capabilities.length > 0) w.u8(CAPABILITIES).u8(capabilities.length).put(capabilities.done());
  return w.done();
}

function encodeCapability(w: Writer, capability: Capability): void {
  switch (capability.kind) {
    case 'multiprotocol':
      w.u8(1).u8(4).u16(capability.afi).u8(0).u8(capability.safi);
      return;
    case 'route-refresh':
      w.u8(2).u8(0);
      return;
    case 'graceful-restart': {
      const { restarting, flags, restartTimeSec, families } = capability;
      w.u8(64).u8(2 + 4 * families.length);
      w.u16((restarting ? 0x8000 : 0) + flags * 0x1000 + restartTimeSec);
      for (const f of families)
        w.u16(f.afi)
          .u8(f.safi)
          .u8(f.forwardingPreserved ? 0x80 : 0);
      return;
    }
    case 'as4':
      w.u8(65).u8(4).u32(capability.as);
      return;
    case 'add-path':
      w.u8(69).u8(4 * capability.families.length);
      for (const f of capability.families) w.u16(f.afi).u8(f.safi).u8(f.mode);
      return;
    case 'enhanced-route-refresh':
      w.u8(70).u8(0);
      return;
    case 'long-lived-graceful-restart':
      w.u8(71).u8(capability.value.length).put(capability.value);
      return;
    case 'unknown':
      w.u8(capability.code).u8(capability.value.length).put(capability.value);
  }
}
