/**
 * Gathering fragments in front of connection tracking (Linux `nf_defrag_ipv4`): a tuple needs ports, and only the first
 * fragment has them. The whole packet takes the fragment's place, from PREROUTING on.
 */
import type { Frame } from '../sim/frame-store.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import { ACCEPT, STOLEN, type Verdict } from './hooks.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';

/** The hook for `namespace`. What begins here is whole: only what came in by a device is looked at. */
export const defragmenter =
  (namespace: Namespace) =>
  (frame: Frame, input: NetDevice | undefined): Verdict => {
    const { frames } = namespace;
    if (input === undefined || !Ipv4.isFragment(frames.view(frame), frames.start[frame]!)) return ACCEPT;
    return namespace.reassembly.add(frame, input) ? ACCEPT : STOLEN;
  };
