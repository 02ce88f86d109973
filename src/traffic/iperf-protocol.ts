/**
 * The control connection of iperf3: states of one octet, and JSON behind a length of four octets.
 *
 *   client                                    server, port 5201
 *     cookie ───────────────────────────────────>            37 octets, also first on every data connection
 *            <─────────────────────── PARAM_EXCHANGE
 *     parameters ───────────────────────────────>
 *            <─────────────────────── CREATE_STREAMS
 *     data connections: cookie ─────────────────>
 *            <───────────── TEST_START, TEST_RUNNING
 *     …
 *     TEST_END ─────────────────────────────────>
 *            <───────────────────── EXCHANGE_RESULTS
 *     results ──────────────────────────────────>
 *            <────────────── results, DISPLAY_RESULTS
 *     IPERF_DONE ───────────────────────────────>
 */
import type { Random } from '../sim/random.ts';
import { MILLISECOND } from '../sim/time.ts';

export const PORT = 5201;

/** How often a sender looks whether it may send (`DEFAULT_PACING_TIMER`). */
export const PACING = MILLISECOND;

export const TEST_START = 1;
export const TEST_RUNNING = 2;
export const TEST_END = 4;
export const PARAM_EXCHANGE = 9;
export const CREATE_STREAMS = 10;
export const EXCHANGE_RESULTS = 13;
export const DISPLAY_RESULTS = 14;
export const IPERF_DONE = 16;
/** The server is busy with another test. */
export const ACCESS_DENIED = 255;

/** 36 characters and a zero. */
export const COOKIE_LENGTH = 37;
const COOKIE_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz234567';

export interface Parameters {
  readonly tcp?: true;
  readonly udp?: true;
  /** Octets of a datagram, or of a write. */
  readonly len: number;
  /** Bit/s of a stream; 0 = no limit. */
  readonly bandwidth: number;
  readonly time: number;
  readonly parallel: number;
  readonly reverse?: true;
  /** Octets to send instead of a time; 0 = none. */
  readonly num: number;
}

export interface StreamResult {
  readonly id: number;
  readonly bytes: number;
  /** Segments; -1 = this end did not send. */
  readonly retransmits: number;
  /** Of datagrams, seconds. */
  readonly jitter: number;
  /** Datagrams lost, and how many there were. */
  readonly errors: number;
  readonly packets: number;
  /** Datagrams that came behind a later one. */
  readonly out_of_order?: number;
  /** Seconds. */
  readonly end_time: number;
}

export interface Results {
  readonly streams: readonly StreamResult[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function makeCookie(random: Random): Uint8Array {
  const cookie = new Uint8Array(COOKIE_LENGTH);
  for (let i = 0; i < COOKIE_LENGTH - 1; i++)
    cookie[i] = COOKIE_CHARACTERS.charCodeAt(random.below(COOKIE_CHARACTERS.length));
  return cookie;
}

export const encodeState = (state: number): Uint8Array => Uint8Array.of(state);

export function encodeJson(value: Parameters | Results): Uint8Array {
  const text = encoder.encode(JSON.stringify(value));
  const octets = new Uint8Array(4 + text.length);
  new DataView(octets.buffer).setUint32(0, text.length);
  octets.set(text, 4);
  return octets;
}

/** What arrived on a control connection and has not been read. */
export class ControlReader {
  #octets = new Uint8Array(0);

  add(octets: Uint8Array): void {
    const joined = new Uint8Array(this.#octets.length + octets.length);
    joined.set(this.#octets);
    joined.set(octets, this.#octets.length);
    this.#octets = joined;
  }

  /** The next `count` octets, when they are all here. */
  take(count: number): Uint8Array | undefined {
    if (this.#octets.length < count) return undefined;
    const taken = this.#octets.slice(0, count);
    this.#octets = this.#octets.slice(count);
    return taken;
  }

  takeState(): number | undefined {
    return this.take(1)?.[0];
  }

  takeJson(): unknown {
    if (this.#octets.length < 4) return undefined;
    const length = new DataView(this.#octets.buffer).getUint32(0);
    const octets = this.#octets.length < 4 + length ? undefined : this.take(4 + length);
    return octets === undefined ? undefined : JSON.parse(decoder.decode(octets.subarray(4)));
  }
}
