/**
 * ARP (RFC 826) as Linux's `arp_process` answers it: for our own addresses, and as proxy for whatever we would forward
 * out of another device (what `cali*` devices do for 169.254.1.1).
 *
 * A request that we answer teaches us its sender; any other ARP packet only refreshes what we know already.
 */
import { ANY, toWord } from '../addr/address-word.ts';
import * as Ipv4Address from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { Frame } from '../sim/frame-store.ts';
import * as Wire from '../wire/arp.ts';
import * as Ethernet from '../wire/ethernet.ts';
import { sourceIsValid } from './ip-input.ts';
import type { Namespace } from './namespace.ts';
import { NeighbourState } from './neighbour.ts';
import type { NetDevice } from './netdevice.ts';

/** Ask who has `target`; of everybody, or of `known` alone when that is not 0. */
export function request(
  namespace: Namespace,
  device: NetDevice,
  target: Ipv4Address.Ipv4Address,
  source: Ipv4Address.Ipv4Address,
  known: Mac.MacAddress,
): void {
  send(namespace, device, Wire.REQUEST, source, known, target, known || Mac.BROADCAST);
}

function send(
  namespace: Namespace,
  device: NetDevice,
  operation: number,
  senderAddress: Ipv4Address.Ipv4Address,
  targetMac: Mac.MacAddress,
  targetAddress: Ipv4Address.Ipv4Address,
  to: Mac.MacAddress,
): void {
  const { frames } = namespace;
  const frame = frames.allocate();
  namespace.host.account.originated++;
  const at = frames.append(frame, Wire.PACKET_LENGTH);
  Wire.emit(frames.view(frame), at, {
    operation,
    senderMac: device.mac,
    senderAddress,
    targetMac,
    targetAddress,
  });
  const start = frames.push(frame, Ethernet.HEADER_LENGTH);
  Ethernet.emit(frames.view(frame), start, {
    destination: to,
    source: device.mac,
    etherType: Ethernet.TYPE_ARP,
  });
  device.transmit(frame, ANY);
}

/** An ARP packet came in on `device` (start = ARP header); `unicast`: addressed to our MAC. Takes ownership. */
export function receive(namespace: Namespace, device: NetDevice, frame: Frame, unicast: boolean): void {
  const { frames, neighbours } = namespace;
  const view = frames.view(frame);
  const at = frames.start[frame]!;
  if (!device.needsNeighbour || Wire.check(view, at, frames.end[frame]!) !== Wire.Fault.None) {
    namespace.drop(frame, 'MALFORMED', device);
    return;
  }
  const operation = Wire.operation(view, at);
  const sender = Wire.senderAddress(view, at);
  const senderMac = Wire.senderMac(view, at);
  const target = Wire.targetAddress(view, at);
  const loopback = Ipv4Address.isLoopback(target) && !device.sysctl.routeLocalnet;
  if (operation > Wire.REPLY || operation === 0 || Ipv4Address.isMulticast(target) || loopback) {
    namespace.drop(frame, 'MALFORMED', device);
    return;
  }
  if (operation === Wire.REQUEST) {
    if (answers(namespace, device, sender, target)) {
      // A probe for a duplicate address (RFC 5227) has no sender to learn.
      if (sender !== 0) neighbours.heard(device, sender, senderMac, NeighbourState.STALE, true);
      namespace.host.deliver(frame);
      send(namespace, device, Wire.REPLY, target, senderMac, sender, senderMac);
      return;
    }
    if (device.sysctl.proxyArp && namespace.fib.lookup(target) === undefined) {
      namespace.drop(frame, 'PROXY_ARP_NO_ROUTE', device);
      return;
    }
  }
  const reachable = operation === Wire.REPLY && unicast;
  const state = reachable ? NeighbourState.REACHABLE : NeighbourState.STALE;
  neighbours.heard(device, sender, senderMac, state, false);
  namespace.host.deliver(frame);
}

/** Do we answer a request for `target`? */
function answers(
  namespace: Namespace,
  device: NetDevice,
  sender: Ipv4Address.Ipv4Address,
  target: Ipv4Address.Ipv4Address,
): boolean {
  // Most requests that a switch floods are for others, which takes no lookup to find out.
  if (!device.sysctl.proxyArp && !namespace.fib.mayBeLocal(toWord(target))) return false;
  const route = namespace.fib.lookup(target);
  if (route === undefined) return false;
  if (route.type === 'local') return sender === 0 || sourceIsValid(namespace, device, sender);
  if (route.type !== 'unicast' || !namespace.forwards(device)) return false;
  if (!device.sysctl.proxyArp || route.nextHops[0]!.device === device) return false;
  return sourceIsValid(namespace, device, sender);
}
