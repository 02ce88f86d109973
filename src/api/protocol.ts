/**
 * What travels between a node and the API server on the management network: one JSON document per frame, as the frame's
 * payload of real octets. (The real thing is HTTPS; its bytes are of no interest here, its order and its races are.)
 *
 * News goes to a thousand nodes: it is encoded once for all of them, and decoded once on each thread.
 */
import type { Op, OpResult } from '../calico/datastore.ts';
import type { Resource } from '../calico/resources/kinds.ts';
import { deepFreeze } from '../calico/resources/meta.ts';
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
/** Messages by their octets; frozen, for many receivers share them. */
const decoded = new WeakMap<Uint8Array, ToServer | ToNode>();

export const encode = (message: ToServer | ToNode): Uint8Array => encoder.encode(JSON.stringify(message));

/** A frame without headers whose payload is `octets`, an encoded message. */
export function frameOf(frames: FrameStore, octets: Uint8Array): Frame {
  const frame = frames.allocate();
  frames.setPayload(frame, Payload.REAL, 0, octets.length, octets);
  return frame;
}

/** The message of a frame, which is freed. */
export function messageOf<M extends ToServer | ToNode>(frames: FrameStore, frame: Frame): M {
  if (frame === NO_FRAME) throw new Error('no frame');
  const octets = frames.real[frame];
  if (!octets || octets.length !== frames.payloadLength[frame]) throw new Error('not a message');
  frames.free(frame);
  let message = decoded.get(octets);
  if (message === undefined) {
    message = deepFreeze(JSON.parse(decoder.decode(octets)) as M);
    decoded.set(octets, message);
  }
  return message as M;
}
