/**
 * Trace points of the packet path. With nobody listening a packet pays one boolean test at each device it passes.
 *
 * The *trail* is kept whether or not somebody traces: a frame with a probe's tag leaves a record (trace/record.ts) at
 * every device it passes and where it dies, so that `via`, `at` and `explain` read what was observed.
 */
import type { Frame } from '../sim/frame-store.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import type { Namespace } from './namespace.ts';
import type { Direction, NetDevice } from './netdevice.ts';

/** `frames.start` is at the link header when a frame passes a device; wherever the layer was when it dies. */
export interface Tracer {
  pass(device: NetDevice, frame: Frame, direction: Direction): void;
  drop(namespace: Namespace, device: NetDevice | undefined, reason: DropReason, frame: Frame): void;
}
