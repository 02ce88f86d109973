/**
 * UPDATE (RFC 4271 §4.3), for IPv4 unicast, with additional paths (RFC 7911).
 *
 *     withdrawn length (2) | withdrawn ... | attributes length (2) | attributes ... | NLRI ...
 *
 * An UPDATE with nothing in it is the End-of-RIB mark (RFC 4724 §2).
 */
import * as Prefix from '../../addr/prefix.ts';
import * as Attributes from './attributes.ts';
import { Reader, Writer } from './cursor.ts';
import { ErrorCode, UpdateError, WireError } from './error.ts';
import { HEADER_LENGTH, MAX_MESSAGE_LENGTH } from './header.ts';

/** One destination; `pathId` is 0 where the session has no additional paths. */
export interface Nlri {
  readonly prefix: Prefix.Prefix;
  readonly pathId: number;
}

export interface UpdateMessage {
  readonly kind: 'update';
  readonly withdrawn: readonly Nlri[];
  readonly attributes: Attributes.PathAttributes;
  readonly reachable: readonly Nlri[];
  /** What was wrong, but not fatal (RFC 7606). With a `treat-as-withdraw` among them `reachable` is withdrawn. */
  readonly faults: readonly WireError[];
}

export interface UpdateContext extends Attributes.AttributeContext {
  /** Path identifiers stand before the prefixes in this direction. */
  readonly addPath: boolean;
}

const malformedList = (at: number): WireError =>
  new WireError(ErrorCode.UpdateMessage, UpdateError.MalformedAttributeList, at);
const badNetwork = (at: number): WireError =>
  new WireError(ErrorCode.UpdateMessage, UpdateError.InvalidNetworkField, at);

export const isEndOfRib = (update: UpdateMessage): boolean =>
  update.withdrawn.length === 0 &&
  update.reachable.length === 0 &&
  update.faults.length === 0 &&
  Object.keys(update.attributes).length === 0;

/** True when the routes in `reachable` count as withdrawn. */
export const isTreatedAsWithdraw = (update: UpdateMessage): boolean =>
  update.faults.some(fault => fault.reach === 'treat-as-withdraw');

/** Decode the body in `[at, end)`. Throws `WireError` (3/x) for what ends the session; see `faults` for the rest. */
export function decode(bytes: Uint8Array, at: number, end: number, context: UpdateContext): UpdateMessage {
  const r = new Reader(bytes, at, end, malformedList);
  const withdrawn = decodeNlri(r.sub(r.u16(), badNetwork), context.addPath);
  const length = r.u16();
  const from = r.at;
  r.take(length);
  const faults: WireError[] = [];
  const attributes = Attributes.decode(bytes, from, from + length, context, faults);
  const reachable = decodeNlri(new Reader(bytes, r.at, end, badNetwork), context.addPath);
  if (reachable.length > 0) {
    const { origin, asPath, nextHop } = attributes;
    const missing = [origin, asPath, nextHop].indexOf(undefined) + 1; // ORIGIN is 1, AS_PATH 2, NEXT_HOP 3
    if (missing > 0)
      faults.push(
        new WireError(
          ErrorCode.UpdateMessage,
          UpdateError.MissingWellKnownAttribute,
          from,
          Uint8Array.of(missing),
          'treat-as-withdraw',
        ),
      );
  }
  return { kind: 'update', withdrawn, attributes, reachable, faults };
}

function decodeNlri(r: Reader, addPath: boolean): Nlri[] {
  const out: Nlri[] = [];
  while (r.left > 0) {
    const from = r.at;
    const pathId = addPath ? r.u32() : 0;
    const length = r.u8();
    if (length > 32) throw badNetwork(from);
    let address = 0;
    const octets = (length + 7) >>> 3;
    for (let i = 0; i < 4; i++) address = address * 256 + (i < octets ? r.u8() : 0);
    // RFC 4271 §4.3: "the value of trailing bits is irrelevant".
    out.push({ prefix: Prefix.network(address, length), pathId });
  }
  return out;
}

function encodeNlri(w: Writer, { prefix, pathId }: Nlri, addPath: boolean): void {
  if (addPath) w.u32(pathId);
  w.u8(prefix.length);
  for (let i = 0; i < (prefix.length + 7) >>> 3; i++) w.u8((prefix.address >>> (24 - 8 * i)) & 255);
}

/** The body of an UPDATE. The caller has seen to it that it fits (see `pack`). */
export function encode(update: UpdateMessage, context: Pick<UpdateContext, 'as4' | 'addPath'>): Uint8Array {
  const withdrawn = new Writer();
  for (const nlri of update.withdrawn) encodeNlri(withdrawn, nlri, context.addPath);
  const attributes = Attributes.encode(update.attributes, context.as4);
  const w = new Writer().u16(withdrawn.length).put(withdrawn.done()).u16(attributes.length).put(attributes);
  for (const nlri of update.reachable) encodeNlri(w, nlri, context.addPath);
  return w.done();
}

export const endOfRib = (): UpdateMessage => make([], {}, []);

export const make = (
  withdrawn: readonly Nlri[],
  attributes: Attributes.PathAttributes,
  reachable: readonly Nlri[],
): UpdateMessage => ({ kind: 'update', withdrawn, attributes, reachable, faults: [] });

/** Withdrawals, or destinations of one attribute set, cut into as many UPDATEs as 4096 octets ask for. */
export function pack(
  what: 'withdrawn' | 'reachable',
  nlri: readonly Nlri[],
  attributes: Attributes.PathAttributes,
  context: Pick<UpdateContext, 'as4' | 'addPath'>,
): UpdateMessage[] {
  const room = MAX_MESSAGE_LENGTH - HEADER_LENGTH - 4 - Attributes.encode(attributes, context.as4).length;
  const perMessage = Math.floor(room / (context.addPath ? 9 : 5)); // the longest NLRI: a host route
  const out: UpdateMessage[] = [];
  for (let i = 0; i < nlri.length; i += perMessage) {
    const some = nlri.slice(i, i + perMessage);
    out.push(what === 'withdrawn' ? make(some, {}, []) : make([], attributes, some));
  }
  return out;
}
