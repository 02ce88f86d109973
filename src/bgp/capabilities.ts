/** What a speaker offers in its OPEN, and what two OPENs add up to (RFC 5492). */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { AFI_IPV4, AS_TRANS, type Capability, type OpenMessage, SAFI_UNICAST } from '../wire/bgp/open.ts';
import type { PeerConfig } from './config.ts';

export const HOLD_TIME_SEC = 240;
const RESTART_TIME_SEC = 120;
/** Add-path modes (RFC 7911 §4), as bits. */
const RECEIVE = 1;
const SEND = 2;
const FAMILY = { afi: AFI_IPV4, safi: SAFI_UNICAST };

/** What the OPENs of both sides add up to. */
export interface Negotiated {
  readonly as4: boolean;
  readonly addPathReceive: boolean;
  readonly addPathSend: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRefresh: boolean;
  /** The peer has the graceful restart capability; `able`: for IPv4 too, so its routes may outlive it. */
  readonly restartAware: boolean;
  readonly restartAble: boolean;
  readonly restarting: boolean;
  readonly restartTimeSec: number;
  readonly forwardingPreserved: boolean;
  readonly longLivedAware: boolean;
  /** What the peer itself can do with additional paths. */
  readonly peerReceivesPaths: boolean;
  readonly peerSendsPaths: boolean;
}

/** The OPEN of this session, capabilities in BIRD's order. `recovering`: the daemon itself is restarting. */
export function makeOpen(
  config: PeerConfig,
  localAs: number,
  routerId: Ipv4Address,
  recovering: boolean,
): OpenMessage {
  const restarts = config.gracefulRestart ?? true;
  const capabilities: Capability[] = [{ kind: 'multiprotocol', ...FAMILY }, { kind: 'route-refresh' }];
  if (restarts)
    capabilities.push({
      kind: 'graceful-restart',
      restarting: recovering,
      flags: 0,
      restartTimeSec: config.gracefulRestartTimeSec ?? RESTART_TIME_SEC,
      families: [{ ...FAMILY, forwardingPreserved: recovering }],
    });
  capabilities.push({ kind: 'as4', as: localAs });
  if (config.addPaths ?? true)
    capabilities.push({ kind: 'add-path', families: [{ ...FAMILY, mode: RECEIVE | SEND }] });
  capabilities.push({ kind: 'enhanced-route-refresh' });
  if (restarts) capabilities.push({ kind: 'long-lived-graceful-restart', value: new Uint8Array(0) });
  return {
    kind: 'open',
    version: 4,
    myAs: localAs > 0xffff ? AS_TRANS : localAs,
    holdTimeSec: config.holdTimeSec ?? HOLD_TIME_SEC,
    identifier: routerId,
    capabilities,
  };
}

const isIpv4 = ({ afi, safi }: { afi: number; safi: number }): boolean =>
  afi === AFI_IPV4 && safi === SAFI_UNICAST;

export function negotiate(config: PeerConfig, open: OpenMessage): Negotiated {
  const has = (kind: Capability['kind']): boolean => open.capabilities.some(c => c.kind === kind);
  const restart = open.capabilities.find(c => c.kind === 'graceful-restart');
  const family = restart?.families.find(isIpv4);
  const mode = open.capabilities.find(c => c.kind === 'add-path')?.families.find(isIpv4)?.mode ?? 0;
  const ours = config.addPaths ?? true;
  return {
    as4: has('as4'),
    addPathReceive: ours && (mode & SEND) !== 0,
    addPathSend: ours && (mode & RECEIVE) !== 0,
    routeRefresh: has('route-refresh'),
    enhancedRefresh: has('enhanced-route-refresh'),
    restartAware: restart !== undefined,
    restartAble: family !== undefined,
    restarting: restart?.restarting ?? false,
    restartTimeSec: restart?.restartTimeSec ?? 0,
    forwardingPreserved: family?.forwardingPreserved ?? false,
    longLivedAware: has('long-lived-graceful-restart'),
    peerReceivesPaths: (mode & RECEIVE) !== 0,
    peerSendsPaths: (mode & SEND) !== 0,
  };
}
