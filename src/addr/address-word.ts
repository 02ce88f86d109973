/**
 * IPv4 addresses on the packet path: the same 32 bits as a signed integer.
 *
 * V8 keeps a signed 32-bit integer in a register or a field as it is, and makes an object of any other number that goes
 * from function to function. Of the addresses that Calico uses nearly all are above 2^31, so what a packet passes hands
 * words on; tables, listings and whatever compares with a configured address have the unsigned form.
 */
import type { Ipv4Address } from './ipv4.ts';

declare const word: unique symbol;

/** An address as `address | 0`. What only shifts, masks or writes takes either form. */
export type AddressWord = number & { readonly [word]: true };

export const toWord = (address: Ipv4Address): AddressWord => (address | 0) as AddressWord;
export const toAddress = (word: AddressWord): Ipv4Address => word >>> 0;

export const ANY = toWord(0);
export const BROADCAST = toWord(0xffff_ffff);
