/**
 * What is wrong with a BGP message, and how far the damage reaches.
 *
 * `code`, `subcode` and `data` are those of the NOTIFICATION that answers it (RFC 4271 §6); `reach` is RFC 7606's
 * answer to "must the session die for this?".
 */
export type Reach = 'session-reset' | 'treat-as-withdraw' | 'attribute-discard';

export class WireError extends Error {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
  readonly reach: Reach;
  /** Offset of the offence in the bytes that were given to the decoder, 0-based, in octets. */
  readonly at: number;

  constructor(
    code: number,
    subcode: number,
    at: number,
    data: Uint8Array = NO_DATA,
    reach: Reach = 'session-reset',
  ) {
    super(`${describe(code, subcode)} (${code}/${subcode}) at octet ${at}`);
    this.name = 'WireError';
    this.code = code;
    this.subcode = subcode;
    this.data = data;
    this.reach = reach;
    this.at = at;
  }
}

const NO_DATA = new Uint8Array(0);

/** Error codes of a NOTIFICATION (RFC 4271 §4.5, RFC 7313 §5). */
export const ErrorCode = {
  MessageHeader: 1,
  OpenMessage: 2,
  UpdateMessage: 3,
  HoldTimerExpired: 4,
  FiniteStateMachine: 5,
  Cease: 6,
  RouteRefresh: 7,
} as const;

/** Subcodes of UPDATE errors (RFC 4271 §6.3). */
export const UpdateError = {
  MalformedAttributeList: 1,
  UnrecognizedWellKnownAttribute: 2,
  MissingWellKnownAttribute: 3,
  AttributeFlags: 4,
  AttributeLength: 5,
  InvalidOrigin: 6,
  InvalidNextHop: 8,
  OptionalAttribute: 9,
  InvalidNetworkField: 10,
  MalformedAsPath: 11,
} as const;

/** Subcodes of Cease (RFC 4486). */
export const Cease = {
  AdministrativeShutdown: 2,
  PeerDeconfigured: 3,
  OtherConfigurationChange: 6,
  ConnectionCollision: 7,
} as const;

/** The words `birdcl` uses, by code and subcode; subcode 0 is the class. */
const DESCRIPTIONS: Readonly<Record<number, readonly string[]>> = {
  1: ['Invalid message header', 'Connection not synchronized', 'Bad message length', 'Bad message type'],
  2: [
    'Invalid OPEN message',
    'Unsupported version number',
    'Bad peer AS',
    'Bad BGP identifier',
    'Unsupported optional parameter',
    'Authentication failure',
    'Unacceptable hold time',
    'Required capability missing',
    'No supported AFI/SAFI',
  ],
  3: [
    'Invalid UPDATE message',
    'Malformed attribute list',
    'Unrecognized well-known attribute',
    'Missing mandatory attribute',
    'Invalid attribute flags',
    'Invalid attribute length',
    'Invalid ORIGIN attribute',
    'AS routing loop',
    'Invalid NEXT_HOP attribute',
    'Optional attribute error',
    'Invalid network field',
    'Malformed AS_PATH',
  ],
  4: ['Hold timer expired'],
  5: [
    'Finite state machine error',
    'Unexpected message in OpenSent state',
    'Unexpected message in OpenConfirm state',
    'Unexpected message in Established state',
  ],
  6: [
    'Cease',
    'Maximum number of prefixes reached',
    'Administrative shutdown',
    'Peer de-configured',
    'Administrative reset',
    'Connection rejected',
    'Other configuration change',
    'Connection collision resolution',
    'Out of Resources',
  ],
  7: ['Invalid ROUTE-REFRESH message', 'Invalid ROUTE-REFRESH message length'],
};

/** A NOTIFICATION's meaning in the words of `birdcl show protocols`. Unknown codes are given as numbers. */
export const describe = (code: number, subcode: number): string =>
  DESCRIPTIONS[code]?.[subcode] ?? `Unknown error ${code}.${subcode}`;
