/** Any BGP message: one decoder and one encoder over the codecs of this folder (RFC 4271 §4). */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import { describe as describeError } from './error.ts';
import * as Header from './header.ts';
import * as Notification from './notification.ts';
import * as Open from './open.ts';
import * as Refresh from './refresh.ts';
import * as Update from './update.ts';
import * as UpdateCache from './update-cache.ts';

export interface KeepaliveMessage {
  readonly kind: 'keepalive';
}

export type Message =
  | Open.OpenMessage
  | Update.UpdateMessage
  | Notification.NotificationMessage
  | KeepaliveMessage
  | Refresh.RouteRefreshMessage;

export const KEEPALIVE: KeepaliveMessage = { kind: 'keepalive' };

/**
 * Decode the whole message at `at`, whose length `Header.check` has given. Throws `WireError` and nothing else.
 * `context` says what the session's capabilities mean for an UPDATE that was received.
 */
export function decode(
  bytes: Uint8Array,
  at: number,
  length: number,
  context: Update.UpdateContext,
): Message {
  const body = at + Header.HEADER_LENGTH;
  const end = at + length;
  switch (Header.type(bytes, at)) {
    case Header.MessageType.Open:
      return Open.decode(bytes, body, end);
    case Header.MessageType.Update:
      return UpdateCache.decode(bytes, body, end, context);
    case Header.MessageType.Notification:
      return Notification.decode(bytes, body, end);
    case Header.MessageType.RouteRefresh:
      return Refresh.decode(bytes, body, end);
    default:
      return KEEPALIVE;
  }
}

/** A whole message, header included. `context` is that of the sending direction. */
export function encode(message: Message, context: Pick<Update.UpdateContext, 'as4' | 'addPath'>): Uint8Array {
  switch (message.kind) {
    case 'open':
      return Header.wrap(Header.MessageType.Open, Open.encode(message));
    case 'update':
      return Header.wrap(Header.MessageType.Update, Update.encode(message, context));
    case 'notification':
      return Header.wrap(Header.MessageType.Notification, Notification.encode(message));
    case 'keepalive':
      return Header.wrap(Header.MessageType.Keepalive, new Uint8Array(0));
    case 'route-refresh':
      return Header.wrap(Header.MessageType.RouteRefresh, Refresh.encode(message));
  }
}

/** One line for traces: `UPDATE 172.16.34.0/26 next hop 192.168.20.100`. */
export function describe(message: Message): string {
  switch (message.kind) {
    case 'open':
      return `OPEN AS ${message.myAs} id ${Ipv4.format(message.identifier)} hold ${message.holdTimeSec} s`;
    case 'keepalive':
      return 'KEEPALIVE';
    case 'notification':
      return `NOTIFICATION ${message.code}/${message.subcode} ${describeError(message.code, message.subcode)}`;
    case 'route-refresh':
      return `ROUTE-REFRESH ${['request', 'begin', 'end'][message.subtype] ?? message.subtype}`;
    case 'update':
      return describeUpdate(message);
  }
}

function describeUpdate(update: Update.UpdateMessage): string {
  if (Update.isEndOfRib(update)) return 'UPDATE End-of-RIB';
  const list = (nlri: readonly Update.Nlri[]): string => nlri.map(n => Prefix.format(n.prefix)).join(' ');
  const words = ['UPDATE'];
  if (update.withdrawn.length > 0) words.push(`withdraw ${list(update.withdrawn)}`);
  const { nextHop } = update.attributes;
  if (update.reachable.length > 0)
    words.push(
      `${list(update.reachable)} next hop ${nextHop === undefined ? 'missing' : Ipv4.format(nextHop)}`,
    );
  return words.join(' ');
}
