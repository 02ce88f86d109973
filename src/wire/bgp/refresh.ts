/** ROUTE-REFRESH (RFC 2918), with the begin and end marks of the enhanced one (RFC 7313). */
import { Reader, Writer } from './cursor.ts';
import { ErrorCode, WireError } from './error.ts';

/** The octet between AFI and SAFI. */
export const RefreshSubtype = { Request: 0, Begin: 1, End: 2 } as const;

export interface RouteRefreshMessage {
  readonly kind: 'route-refresh';
  readonly afi: number;
  /** `RefreshSubtype`; receivers ignore others (RFC 7313 §5). */
  readonly subtype: number;
  readonly safi: number;
}

/** Decode the body in `[at, end)`. Throws `WireError` 7/1 when it is not four octets (RFC 7313 §5). */
export function decode(bytes: Uint8Array, at: number, end: number): RouteRefreshMessage {
  const wrong = (): WireError => new WireError(ErrorCode.RouteRefresh, 1, at, bytes.slice(at, end));
  if (end - at !== 4) throw wrong();
  const r = new Reader(bytes, at, end, wrong);
  return { kind: 'route-refresh', afi: r.u16(), subtype: r.u8(), safi: r.u8() };
}

export const encode = (message: RouteRefreshMessage): Uint8Array =>
  new Writer().u16(message.afi).u8(message.subtype).u8(message.safi).done();
