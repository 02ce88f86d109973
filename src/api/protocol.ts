/**
 * What travels between a node and the API server on the management network: one JSON document per frame, as the frame's
 * payload of real octets. (The real thing is HTTPS; its bytes are of no interest here, its order and its races are.)
 *
 * News goes to a thousand nodes: it is encoded once for all of them, and decoded once on each thread; on the server's own
 * thread each object is read once, however many messages it is in.
 */
import type { Op, OpResult } from '../calico/datastore.ts';
import type { Resource } from '../calico/resources/kinds.ts';
import { deepFreeze, once } from '../calico/resources/meta.ts';
import { type Frame, type FrameStore, NO_FRAME } from '../sim/frame-store.ts';
import * as Payload from '../sim/payload.ts';
import type { WatchEvent } from './store.ts';

export type ToServer =
  | { readonly kind: 'request'; readonly id: number; readonly op: Op }
  /** Send everything there is, and then every change. */
  | { readonly kind: 'watch' }
  /** The kubelet renews its lease. */
  | { readonly kind: 'alive' };

export type ToNode =
  | { readonly kind: 'response'; readonly id: number; readonly result: OpResult }
  /** A subscription's answer: a listing, what was written since it was made, what is for this node alone, and its end. */
  | { readonly kind: 'listed'; readonly objects: readonly Resource[]; readonly first: boolean }
  | { readonly kind: 'synced' }
  | { readonly kind: 'event'; readonly event: WatchEvent };

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Messages of the server by their octets; frozen, for many receivers share them. */
const decoded = new WeakMap<Uint8Array, ToNode>();

/** A stored object on its way to nodes: as text, and as what they read. It is in listings, news and answers. */
const inTransit = once((object: Resource) => {
  const text = JSON.stringify(object);
  return { text, object: deepFreeze(JSON.parse(text) as Resource) };
});

const textOf = (objects: readonly Resource[]): string => `[${objects.map(o => inTransit(o).text).join()}]`;
const readOf = (objects: readonly Resource[]): Resource[] => objects.map(o => inTransit(o).object);

/** A request, encoded. */
export const encodeRequest = (message: ToServer): Uint8Array => encoder.encode(JSON.stringify(message));

/** What the server says, encoded; those of its own thread need not decode it. The objects in it are stored ones. */
export function encode(message: ToNode): Uint8Array {
  const { text, read } = transit(message);
  const octets = encoder.encode(text);
  decoded.set(octets, deepFreeze(read));
  return octets;
}

/** The text that `JSON.stringify` makes of the message, and the message that `JSON.parse` makes of that. */
function transit(message: ToNode): { readonly text: string; readonly read: ToNode } {
  const { kind } = message;
  if (kind === 'event') {
    const { type, object } = message.event;
    const { text, object: read } = inTransit(object);
    return {
      text: `{"kind":"event","event":{"type":"${type}","object":${text}}}`,
      read: { kind, event: { type, object: read } },
    };
  }
  if (kind === 'listed') {
    const { objects, first } = message;
    const text = `{"kind":"listed","objects":${textOf(objects)},"first":${first}}`;
    return { text, read: { kind, objects: readOf(objects), first } };
  }
  if (kind === 'response' && message.result.ok) {
    const { id } = message;
    const { object, items } = message.result;
    const begin = `{"kind":"response","id":${id},"result":{"ok":true`;
    if (object !== undefined && items === undefined) {
      const { text, object: read } = inTransit(object);
      return { text: `${begin},"object":${text}}}`, read: { kind, id, result: { ok: true, object: read } } };
    }
    if (items !== undefined && object === undefined) {
      const text = `${begin},"items":${textOf(items)}}}`;
      return { text, read: { kind, id, result: { ok: true, items: readOf(items) } } };
    }
  }
  const text = JSON.stringify(message);
  return { text, read: JSON.parse(text) as ToNode };
}

/** A frame without headers whose payload is `octets`, an encoded message. */
export function frameOf(frames: FrameStore, octets: Uint8Array): Frame {
  const frame = frames.allocate();
  frames.setPayload(frame, Payload.REAL, 0, octets.length, octets);
  return frame;
}

/** The request in a frame, which is freed. */
export function requestOf(frames: FrameStore, frame: Frame): ToServer {
  return deepFreeze(JSON.parse(decoder.decode(octetsOf(frames, frame))) as ToServer);
}

/** What the server says in a frame, which is freed. */
export function messageOf(frames: FrameStore, frame: Frame): ToNode {
  const octets = octetsOf(frames, frame);
  let message = decoded.get(octets);
  if (message === undefined) {
    message = deepFreeze(JSON.parse(decoder.decode(octets)) as ToNode);
    if (message.kind !== 'response') decoded.set(octets, message);
  } else if (message.kind === 'response') decoded.delete(octets); // it has one reader
  return message;
}

function octetsOf(frames: FrameStore, frame: Frame): Uint8Array {
  if (frame === NO_FRAME) throw new Error('no frame');
  const octets = frames.real[frame];
  if (!octets || octets.length !== frames.payloadLength[frame]) throw new Error('not a message');
  frames.free(frame);
  return octets;
}
