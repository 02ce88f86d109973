/** A UDP socket: what a program sends, hears and is told. The layer below it is in udp.ts. */

import type { AddressWord } from '../addr/address-word.ts';
import * as AddressWords from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Payloads from '../sim/payload.ts';
import type { NetDevice } from './netdevice.ts';
import type { IcmpErrorReport, SendError, SendRequest } from './transport.ts';
import type { UdpLayer } from './udp.ts';
import type { UdpArrival } from './udp-arrival.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Payload = { ...Payloads };
const { ANY, toAddress, toWord } = AddressWords;

/** `net.core.rmem_default`. */
const RECEIVE_BUFFER = 212_992;
/** What a waiting datagram costs beside its data: about what Linux's `skb->truesize` adds. */
const BOOKKEEPING = 768;
/** What a program sends: a slice as in sim/payload.ts. */
export interface UdpPayload {
  readonly pattern: Payloads.Pattern;
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array | null;
}

export const octets = (bytes: Uint8Array): UdpPayload => ({
  pattern: Payload.REAL,
  offset: 0,
  length: bytes.length,
  bytes,
});

/** What arrived. A callback's is only valid during the call; `take` gives one to keep. */
export interface UdpDatagram extends UdpPayload {
  readonly source: Ipv4Address;
  readonly sourcePort: number;
  readonly destination: Ipv4Address;
  readonly ttl: number;
  readonly tos: number;
  /** Where it came in. */
  readonly device: NetDevice | undefined;
  /** The probe that it is part of, 0 for none. */
  readonly tag: number;
}

/** The octets of a datagram: a copy. */
export function read(datagram: UdpPayload): Uint8Array {
  const { pattern, offset, length, bytes } = datagram;
  const copy = new Uint8Array(length);
  Payload.write(copy, 0, pattern, offset, length, bytes);
  return copy;
}

/** What an ICMP error means to a socket, as errno. */
export type UdpError =
  | 'ENETUNREACH'
  | 'EHOSTUNREACH'
  | 'ENOPROTOOPT'
  | 'ECONNREFUSED'
  | 'EMSGSIZE'
  | 'EOPNOTSUPP'
  | 'EHOSTDOWN'
  | 'ENONET'
  | 'EPROTO';

export type BindError = '' | 'EADDRINUSE' | 'EADDRNOTAVAIL' | 'EINVAL';

export class UdpSocket {
  // What each datagram needs comes first: V8 lays fields out in this order.
  /** Called with each datagram. While it is undefined they wait in the receive buffer: `take`. */
  onReceive: ((datagram: UdpDatagram) => void) | undefined;
  /** Local and remote address. */
  local: AddressWord = ANY;
  remote: AddressWord = ANY;
  localPort = 0;
  /** 0 while not connected. */
  remotePort = 0;
  /** SO_BINDTODEVICE. */
  device: NetDevice | undefined;
  readonly #layer: UdpLayer;
  #pending: UdpError | '' = '';
  /** 0: `net.ipv4.ip_default_ttl`. */
  ttl = 0;
  tos = 0;
  pmtu: SendRequest['pmtu'] = 'want';
  /** The probe that what is sent belongs to, 0 for none. */
  tag = 0;
  /** Called with each error; while it is undefined the next `send` returns it (once). */
  onError: ((error: UdpError, report: IcmpErrorReport) => void) | undefined;
  /** IP_RECVERR: hear of every error, also of the passing ones, and when not connected. */
  receivesErrors = false;
  readonly #waiting: UdpDatagram[] = [];
  #waitingOctets = 0;

  constructor(layer: UdpLayer) {
    this.#layer = layer;
  }

  get localAddress(): Ipv4Address {
    return toAddress(this.local);
  }

  /** 0 while not connected. */
  get remoteAddress(): Ipv4Address {
    return toAddress(this.remote);
  }

  /** Take `port` (0: any free one) of `address` (0: all). */
  bind(address: Ipv4Address, port: number): BindError {
    return this.localPort === 0 ? this.#layer.bind(this, address, port) : 'EINVAL';
  }

  /** Send there and hear from there only. The source address is chosen now. */
  connect(address: Ipv4Address, port: number): SendError {
    const path = this.#layer.path(this, address, port);
    if (typeof path === 'string') return path;
    if (this.localPort === 0 && this.bind(0, 0) !== '') return 'EHOSTUNREACH';
    if (this.local === ANY) this.local = toWord(path.source);
    this.remote = toWord(address);
    this.remotePort = port;
    return '';
  }

  /** Send to the connected peer. Returns an error that was waiting, instead of sending, as a system call does. */
  send(payload: UdpPayload): SendError | UdpError {
    return this.#send(this.remote, this.remotePort, payload);
  }

  sendTo(address: Ipv4Address, port: number, payload: UdpPayload): SendError | UdpError {
    return this.#send(toWord(address), port, payload);
  }

  #send(address: AddressWord, port: number, payload: UdpPayload): SendError | UdpError {
    const pending = this.#pending;
    this.#pending = '';
    return pending || this.#layer.send(this, address, port, payload);
  }

  /** The MTU for packets to the connected peer, what was learnt about the path included; 0 without a route. */
  get mtu(): number {
    const path = this.#layer.path(this, this.remoteAddress, this.remotePort);
    return typeof path === 'string' ? 0 : path.mtu;
  }

  /** The oldest datagram of the receive buffer. */
  take(): UdpDatagram | undefined {
    const datagram = this.#waiting.shift();
    if (datagram !== undefined) this.#waitingOctets -= datagram.length + BOOKKEEPING;
    return datagram;
  }

  /** False when the receive buffer is full. */
  deliver(arrival: UdpArrival): boolean {
    if (this.onReceive !== undefined) {
      this.onReceive(arrival);
      return true;
    }
    const cost = arrival.length + BOOKKEEPING;
    if (this.#waitingOctets + cost > RECEIVE_BUFFER) return false;
    this.#waitingOctets += cost;
    this.#waiting.push(arrival.keep());
    return true;
  }

  fail(error: UdpError, report: IcmpErrorReport): void {
    if (this.onError === undefined) this.#pending = error;
    else this.onError(error, report);
  }

  close(): void {
    this.#layer.release(this);
    this.#waiting.length = 0;
  }
}
