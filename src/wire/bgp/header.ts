/**
 * The header every BGP message starts with (RFC 4271 §4.1) and the framing of a byte stream by it.
 *
 *     0                16        18     19
 *     +----------------+---------+------+----------- - -
 *     | marker, all 1s | length  | type | body
 *     +----------------+---------+------+----------- - -
 */
import { ErrorCode, WireError } from './error.ts';

export const HEADER_LENGTH = 19;
export const MAX_MESSAGE_LENGTH = 4096;
const MARKER_LENGTH = 16;
const LENGTH = 16;
const TYPE = 18;

export const MessageType = { Open: 1, Update: 2, Notification: 3, Keepalive: 4, RouteRefresh: 5 } as const;

/** Smallest length of each type, header included (RFC 4271 §6.1; RFC 2918). */
const MIN_LENGTH: Readonly<Record<number, number>> = { 1: 29, 2: 23, 3: 21, 4: 19, 5: 23 };

const NotSynchronized = 1;
const BadLength = 2;
const BadType = 3;

/**
 * The length of the message that starts at `at`, or `undefined` when fewer than 19 octets are there.
 * The whole message need not have arrived. Throws `WireError` (1/x) when the header is wrong.
 */
export function check(bytes: Uint8Array, at = 0): number | undefined {
  if (bytes.length - at < HEADER_LENGTH) return undefined;
  for (let i = 0; i < MARKER_LENGTH; i++) {
    if (bytes[at + i] !== 0xff) throw new WireError(ErrorCode.MessageHeader, NotSynchronized, at + i);
  }
  const length = bytes[at + LENGTH]! * 256 + bytes[at + LENGTH + 1]!;
  const type = bytes[at + TYPE]!;
  if (length < HEADER_LENGTH || length > MAX_MESSAGE_LENGTH) throw badLength(bytes, at);
  const least = MIN_LENGTH[type];
  if (least === undefined)
    throw new WireError(ErrorCode.MessageHeader, BadType, at + TYPE, Uint8Array.of(type));
  if (length < least || (type === MessageType.Keepalive && length !== HEADER_LENGTH))
    throw badLength(bytes, at);
  return length;
}

const badLength = (bytes: Uint8Array, at: number): WireError =>
  new WireError(ErrorCode.MessageHeader, BadLength, at + LENGTH, bytes.slice(at + LENGTH, at + LENGTH + 2));

export const type = (bytes: Uint8Array, at = 0): number => bytes[at + TYPE]!;

/** A whole message around `body`. Callers keep the body below 4096 - 19 octets. */
export function wrap(messageType: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER_LENGTH + body.length).fill(0xff, 0, MARKER_LENGTH);
  message[LENGTH] = message.length >>> 8;
  message[LENGTH + 1] = message.length & 255;
  message[TYPE] = messageType;
  message.set(body, HEADER_LENGTH);
  return message;
}
