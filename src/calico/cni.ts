/**
 * The CNI plugin without its effects (facts: calico-dataplane §6, calico-ipam §8): which address a new pod gets, and what
 * its two ends of the veth look like.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Random } from '../sim/random.ts';
import { find, list, type Steps } from './datastore.ts';
import { type AssignRequest, assignAddress, autoAssign, IpamError, type Moment } from './ipam/auto-assign.ts';
import { releaseByHandle } from './ipam/release.ts';
import { caliName } from './names.ts';
import {
  ANNOTATION_ADDRESSES,
  ANNOTATION_MAC,
  ANNOTATION_POOLS,
  annotationList,
  type Pod,
} from './resources/core.ts';

/** The pod's gateway, which no device has: the host answers for it by proxy ARP. */
export const GATEWAY = Ipv4.from('169.254.1.1');

export interface PodRoute {
  readonly prefix: Prefix.Prefix;
  readonly gateway?: Ipv4.Ipv4Address;
  readonly scope: 'link' | 'global';
}

/** What ADD makes. */
export interface PodNetwork {
  readonly address: Ipv4.Ipv4Address;
  /** Of both ends; it stays when the mode changes. */
  readonly mtu: number;
  readonly pod: {
    readonly device: 'eth0';
    readonly mac: Mac.MacAddress;
    readonly prefix: Prefix.Prefix;
    /** In the order in which they are added. */
    readonly routes: readonly PodRoute[];
    /** `net.ipv4.*` in the pod. */
    readonly sysctls: Readonly<Record<string, number>>;
  };
  readonly host: {
    readonly device: string;
    readonly mac: Mac.MacAddress;
    /** Added at once, before Felix makes it its own. */
    readonly route: PodRoute;
    /** `net.ipv4.conf.DEVICE.*` and `net.ipv4.neigh.DEVICE.*`. */
    readonly sysctls: Readonly<Record<string, number>>;
  };
}

/** A random address as the kernel makes them: unicast, locally administered. */
export function randomMac(random: Random): Mac.MacAddress {
  const first = (random.next() & 0xfc) | 0x02;
  return (first * 256 + (random.next() & 0xff)) * 2 ** 32 + random.next();
}

/** The devices, addresses and routes of a pod that has got `address`. Throws IpamError for a bad `hwAddr`. */
export function podNetwork(pod: Pod, address: Ipv4.Ipv4Address, mtu: number, random: Random): PodNetwork {
  const { name, namespace = 'default', annotations } = pod.metadata;
  const asked = annotations?.[ANNOTATION_MAC];
  const mac = asked === undefined ? randomMac(random) : Mac.parse(asked);
  if (mac === undefined) {
    throw new IpamError(`failed to parse MAC address override: address ${asked}: invalid MAC address`);
  }
  const prefix = { address, length: 32 };
  return {
    address,
    mtu,
    pod: {
      device: 'eth0',
      mac,
      prefix,
      routes: [
        { prefix: { address: GATEWAY, length: 32 }, scope: 'link' },
        { prefix: { address: Ipv4.ANY, length: 0 }, gateway: GATEWAY, scope: 'global' },
      ],
      sysctls: { ip_forward: 0 },
    },
    host: {
      device: caliName(namespace, name),
      mac: Mac.CALI,
      route: { prefix, scope: 'link' },
      sysctls: { proxy_arp: 1, forwarding: 1, proxy_delay: 0, route_localnet: 1 },
    },
  };
}

/** The IPAM handle of a container. */
export const podHandle = (containerId: string): string => `k8s-pod-network.${containerId}`;

function jsonList(annotation: string, text: string): string[] {
  const values = annotationList(text);
  if (values === undefined)
    throw new IpamError(`failed to parse '${text}' as JSON: annotation ${annotation}`);
  return values;
}

/** CIDRs of the pools that the pod, or its namespace, asks for by name or CIDR. */
function* requestedPools(pod: Pod): Steps<string[] | undefined> {
  const namespace = yield* find('Namespace', pod.metadata.namespace ?? 'default');
  const text =
    pod.metadata.annotations?.[ANNOTATION_POOLS] ?? namespace?.metadata.annotations?.[ANNOTATION_POOLS];
  if (text === undefined) return undefined;
  const pools = yield* list('IPPool');
  return jsonList(ANNOTATION_POOLS, text).map(asked => {
    const cidr = pools.find(p => p.metadata.name === asked)?.spec.cidr ?? asked;
    if (Prefix.parse(cidr) === undefined) {
      throw new IpamError(`error parsing pool "${asked}": invalid CIDR address: ${asked}`);
    }
    return cidr;
  });
}

/** An RFC 3339 time as Go prints one: `2024-09-22 01:52:31 +0000 UTC`. */
const goTime = (timestamp: string): string =>
  `${timestamp.slice(0, 10)} ${timestamp.slice(11, 19)} +0000 UTC`;

/** As `autoAssign`, with the plugin's words in front of IPAM's. */
function* requested(request: AssignRequest): Steps<Ipv4.Ipv4Address> {
  try {
    return yield* autoAssign(request);
  } catch (error) {
    if (!(error instanceof IpamError)) throw error;
    throw new IpamError(`failed to request IPv4 addresses: ${error.message}`);
  }
}

/** ADD's address: the one the pod asks for, or the next of its node's. Throws IpamError; nothing is held then. */
export function* assignPodAddress(
  pod: Pod,
  node: string,
  containerId: string,
  moment: Moment,
): Steps<Ipv4.Ipv4Address> {
  const { name, namespace = 'default', annotations } = pod.metadata;
  const attributes = { namespace, node, pod: name, timestamp: goTime(moment.timestamp) };
  const owner = { handle: podHandle(containerId), attributes };
  const exact = annotations?.[ANNOTATION_ADDRESSES];
  if (exact === undefined) {
    const pools = yield* requestedPools(pod);
    return yield* requested({ node, use: 'Workload', owner, moment, ...(pools !== undefined && { pools }) });
  }
  const [text, ...more] = jsonList(ANNOTATION_ADDRESSES, exact);
  const address = text === undefined ? undefined : Ipv4.parse(text);
  if (text === undefined || address === undefined || more.length > 0) {
    throw new IpamError(`annotation ${ANNOTATION_ADDRESSES} must hold one IPv4 address, not ${exact}`);
  }
  yield* assignAddress({ node, owner, moment }, address, text);
  return address;
}

/** DEL: by the container's handle, then by the pod's name as old versions had it; nothing there is success. */
export function* releasePodAddress(pod: Pod, containerId: string): Steps<void> {
  yield* releaseByHandle(podHandle(containerId));
  yield* releaseByHandle(`${pod.metadata.namespace ?? 'default'}.${pod.metadata.name}`);
}
