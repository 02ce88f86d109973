/** Forwarding (Linux `ip_forward`): TTL, MTU against DF, redirect, FORWARD hook; then out like any other packet. */

import { toWord } from '../addr/address-word.ts';
import type { Frame } from '../sim/frame-store.ts';
import * as Icmpv4 from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import { ACCEPT, FORWARD, POSTROUTING } from './hooks.ts';
import { discard } from './ip-input.ts';
import { finishOutput, nextHopOf } from './ip-output.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import type { NextHop, Route } from './route.ts';

/**
 * Forward the packet in `frame`, whose IPv4 header is at `at` of `view` and which came in on `input`, by `route`.
 * `longestPiece`: it came as fragments of up to that many octets, and leaves so; 0: it came whole. Takes ownership.
 */
export function ipForward(
  namespace: Namespace,
  input: NetDevice,
  frame: Frame,
  view: DataView,
  at: number,
  route: Route,
  longestPiece: number,
): void {
  if (Ipv4.ttl(view, at) <= 1) {
    namespace.sendIcmpError(frame, Icmpv4.TIME_EXCEEDED, Icmpv4.TTL_EXCEEDED, 0, input);
    namespace.drop(frame, 'TTL_EXPIRED', input);
    return;
  }
  const hop = nextHopOf(namespace, route, view, at);
  const output = hop.device;
  const mtu = route.mtu === 0 ? output.mtu : route.mtu;
  if (Ipv4.totalLength(view, at) > mtu && Ipv4.dontFragment(view, at)) {
    // The quote shows the packet as it came in: its TTL has not been touched yet.
    namespace.sendIcmpError(frame, Icmpv4.DESTINATION_UNREACHABLE, Icmpv4.FRAGMENTATION_NEEDED, mtu, input);
    namespace.drop(frame, 'MTU_EXCEEDED_DF', input);
    return;
  }
  Ipv4.decrementTtl(view, at);
  const redirects = output === input && input.sysctl.sendRedirects;
  if (redirects) redirect(namespace, input, frame, hop);
  let verdict = namespace.hooks.run(FORWARD, frame, input, output);
  if (verdict === ACCEPT) verdict = namespace.hooks.run(POSTROUTING, frame, input, output);
  if (verdict !== ACCEPT) {
    discard(namespace, frame, verdict, input);
    return;
  }
  const limit = longestPiece === 0 ? mtu : Math.min(mtu, longestPiece);
  const nextHop = hop.via === 0 ? Ipv4.destinationWord(view, at) : toWord(hop.via);
  if (longestPiece === 0 && !redirects) namespace.offload?.learn(frame, input, output, nextHop, mtu);
  if (longestPiece === 0 && !redirects && route.nextHops.length === 1 && isQuiet(input)) {
    const [source, destination] = [Ipv4.sourceWord(view, at), Ipv4.destinationWord(view, at)];
    namespace.learnFlow(input, output, nextHop, mtu, source, destination);
  }
  finishOutput(namespace, frame, output, nextHop, limit);
}

/** Does `input` have a jack, and nobody see what comes in by it? */
const isQuiet = (input: NetDevice): boolean => input.inputJack >= 0 && !input.tapped;

/** The packet leaves where it came from and its sender is on that link: tell it of the shorter way (RFC 1812 §5.2.7.2). */
function redirect(namespace: Namespace, device: NetDevice, frame: Frame, hop: NextHop): void {
  const view = namespace.frames.view(frame);
  const at = namespace.frames.start[frame]!;
  if (device.kind === 'ipip') return;
  const source = Ipv4.source(view, at);
  const back = namespace.fib.lookup(source);
  if (back === undefined || back.type !== 'unicast') return;
  const direct = back.nextHops[0]!;
  if (direct.device !== device || direct.via !== 0) return;
  if (!namespace.peers.allowRedirect(source)) return;
  const gateway = hop.via === 0 ? Ipv4.destination(view, at) : hop.via;
  namespace.sendIcmpError(frame, Icmpv4.REDIRECT, Icmpv4.REDIRECT_HOST, gateway, device);
}
