/**
 * What travels between a node and the API server on the management network: one JSON document per frame, as the frame's
 * payload of real octets. (The real thing is HTTPS; its bytes are of no interest here, its order and its races are.)
 */
import type { Op, OpResult } from '../calico/datastore.ts';
import type { Resource } from '../calico/resources/kinds.ts';
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
  /** The state at the time of the subscription. */
  | { readonly kind: 'synced'; readonly objects: readonly Resource[] }
  | { readonly kind: 'event'; readonly event: WatchEvent };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A frame without headers whose payload is `message`. */
export function frameOf(frames: FrameStore, message: ToServer | ToNode): Frame {
  const octets = encoder.encode(JSON.stringify(message));
  const frame = frames.allocate();
  frames.setPayload(frame, Payload.REAL, 0, octets.length, octets);
  return frame;
}

/** The message of a frame, which is freed. */
export function messageOf<M extends ToServer | ToNode>(frames: FrameStore, frame: Frame): M {
  if (frame === NO_FRAME) throw new Error('no frame');
  const text = decoder.decode(frames.materialise(frame));
  frames.free(frame);
  return JSON.parse(text) as M;
}
