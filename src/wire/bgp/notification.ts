/** NOTIFICATION (RFC 4271 §4.5): code, subcode, data; after it the connection is closed. */
import { Reader, Writer } from './cursor.ts';
import { ErrorCode, WireError } from './error.ts';

export interface NotificationMessage {
  readonly kind: 'notification';
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

export const make = (
  code: number,
  subcode: number,
  data: Uint8Array = new Uint8Array(0),
): NotificationMessage => ({
  kind: 'notification',
  code,
  subcode,
  data,
});

/** Decode the body in `[at, end)`; unknown codes are kept. Throws `WireError` 1/2 when it has no code. */
export function decode(bytes: Uint8Array, at: number, end: number): NotificationMessage {
  const r = new Reader(bytes, at, end, where => new WireError(ErrorCode.MessageHeader, 2, where));
  return { kind: 'notification', code: r.u8(), subcode: r.u8(), data: r.take(r.left).slice() };
}

export const encode = (message: NotificationMessage): Uint8Array =>
  new Writer().u8(message.code).u8(message.subcode).put(message.data).done();
