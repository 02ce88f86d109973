/** Addresses of real sockets: `127.0.0.2:1179`. Nothing of the lab leaves this computer, so only 127.0.0.0/8 is taken. */
import * as Ipv4 from '../addr/ipv4.ts';

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** Why a text is no address that `attach` may use. */
export class SocketAddressError extends Error {
  override readonly name = 'SocketAddressError';
  readonly code = 'SOCKET_ADDRESS';
}

/** Throws `SocketAddressError` for anything but `127.x.y.z:PORT`. `port` may be 0 where one is to be chosen. */
export function parseLoopback(text: string): SocketAddress {
  const match = /^(.*):(\d{1,5})$/.exec(text);
  const address = match === null ? undefined : Ipv4.parse(match[1]!);
  const port = Number(match?.[2]);
  if (address === undefined || port > 65_535)
    throw new SocketAddressError(`expected ADDRESS:PORT such as 127.0.0.2:1179, got "${text}"`);
  if (address >>> 24 !== 127)
    throw new SocketAddressError(
      `${Ipv4.format(address)} is not on loopback: real peers are reached at 127.0.0.0/8 only`,
    );
  return { host: Ipv4.format(address), port };
}

/** An address without a port, `127.0.0.3`. Throws `SocketAddressError`. */
export const parseLoopbackHost = (text: string): string => parseLoopback(`${text}:0`).host;

export const formatSocketAddress = ({ host, port }: SocketAddress): string => `${host}:${port}`;
