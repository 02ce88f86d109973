/** Codes of BGP (RFC 4271 and its additions) and the names that tcpdump 4.99 gives them; for describe-bgp.ts. */
export const OPEN = 1;
export const UPDATE = 2;
export const NOTIFICATION = 3;
export const ROUTE_REFRESH = 5;

export const MESSAGES: Readonly<Record<number, string>> = {
  [OPEN]: 'Open',
  [UPDATE]: 'Update',
  [NOTIFICATION]: 'Notification',
  4: 'Keepalive',
  [ROUTE_REFRESH]: 'Route Refresh',
};
export const FAMILIES: Readonly<Record<number, string>> = { 1: 'IPv4', 2: 'IPv6' };
export const SUBFAMILIES: Readonly<Record<number, string>> = {
  1: 'Unicast',
  2: 'Multicast',
  128: 'labeled VPN Unicast',
};

export const OPTIONS: Readonly<Record<number, string>> = {
  1: 'Authentication Information',
  2: 'Capabilities Advertisement',
};
export const CAPABILITY_MULTIPROTOCOL = 1;
export const CAPABILITY_ROUTE_REFRESH = 2;
export const CAPABILITY_GRACEFUL_RESTART = 64;
export const CAPABILITY_FOUR_OCTET_AS = 65;
export const CAPABILITY_MULTIPLE_PATHS = 69;
export const CAPABILITY_LONG_LIVED = 71;
export const CAPABILITIES: Readonly<Record<number, string>> = {
  [CAPABILITY_MULTIPROTOCOL]: 'Multiprotocol Extensions',
  [CAPABILITY_ROUTE_REFRESH]: 'Route Refresh',
  [CAPABILITY_GRACEFUL_RESTART]: 'Graceful Restart',
  [CAPABILITY_FOUR_OCTET_AS]: '32-Bit AS Number',
  [CAPABILITY_MULTIPLE_PATHS]: 'Multiple Paths',
  70: 'Enhanced Route Refresh',
  [CAPABILITY_LONG_LIVED]: 'Long-lived Graceful Restart',
};
export const ADD_PATH_DIRECTIONS: Readonly<Record<number, string>> = { 1: 'Receive', 2: 'Send', 3: 'Both' };

export const ORIGIN = 1;
export const AS_PATH = 2;
export const NEXT_HOP = 3;
export const MULTI_EXIT_DISC = 4;
export const LOCAL_PREF = 5;
export const ATOMIC_AGGREGATE = 6;
export const AGGREGATOR = 7;
export const COMMUNITIES = 8;
export const ORIGINATOR_ID = 9;
export const CLUSTER_LIST = 10;
export const ATTRIBUTES: Readonly<Record<number, string>> = {
  [ORIGIN]: 'Origin',
  [AS_PATH]: 'AS Path',
  [NEXT_HOP]: 'Next Hop',
  [MULTI_EXIT_DISC]: 'Multi Exit Discriminator',
  [LOCAL_PREF]: 'Local Preference',
  [ATOMIC_AGGREGATE]: 'Atomic Aggregate',
  [AGGREGATOR]: 'Aggregator',
  [COMMUNITIES]: 'Community',
  [ORIGINATOR_ID]: 'Originator ID',
  [CLUSTER_LIST]: 'Cluster List',
  14: 'Multi-Protocol Reach NLRI',
  15: 'Multi-Protocol Unreach NLRI',
  16: 'Extended Community',
};
export const ORIGINS: Readonly<Record<number, string>> = { 0: 'IGP', 1: 'EGP', 2: 'Incomplete' };
export const WELL_KNOWN_COMMUNITIES: Readonly<Record<number, string>> = {
  4294967041: ' NO_EXPORT',
  4294967042: ' NO_ADVERTISE',
  4294967043: ' NO_EXPORT_SUBCONFED',
};

export const ERRORS: Readonly<Record<number, string>> = {
  1: 'Message Header Error',
  2: 'OPEN Message Error',
  3: 'UPDATE Message Error',
  4: 'Hold Timer Expired',
  5: 'Finite State Machine Error',
  6: 'Cease',
  7: 'Capability Message Error',
};
/** Subcodes by code. */
export const SUBCODES: Readonly<Record<number, readonly string[]>> = {
  1: ['Unknown', 'Connection Not Synchronized', 'Bad Message Length', 'Bad Message Type'],
  2: [
    'Unspecified',
    'Unsupported Version Number',
    'Bad Peer AS',
    'Bad BGP Identifier',
    'Unsupported Optional Parameter',
    'Authentication Failure',
    'Unacceptable Hold Time',
    'Capability Message Error',
  ],
  3: [
    'Unknown',
    'Malformed Attribute List',
    'Unrecognized Well-known Attribute',
    'Missing Well-known Attribute',
    'Attribute Flags Error',
    'Attribute Length Error',
    'Invalid ORIGIN Attribute',
    'AS Routing Loop',
    'Invalid NEXT_HOP Attribute',
    'Optional Attribute Error',
    'Invalid Network Field',
    'Malformed AS_PATH',
  ],
  5: ['Unspecified Error', 'In OpenSent State', 'In OpenConfirm State', 'In Established State'],
  6: [
    'Unknown',
    'Maximum Number of Prefixes Reached',
    'Administrative Shutdown',
    'Peer Unconfigured',
    'Administrative Reset',
    'Connection Rejected',
    'Other Configuration Change',
    'Connection Collision Resolution',
  ],
};
export const HOLD_TIMER_EXPIRED = 4;
export const FSM_ERROR = 5;
export const CEASE = 6;
