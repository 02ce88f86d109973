/** Names and hardware addresses that Calico derives by hashing (facts: calico-dataplane §5, §6). */
import { createHash } from 'node:crypto';
import * as Mac from '../addr/mac.ts';

export const TUNL0 = 'tunl0';
export const VXLAN_CALICO = 'vxlan.calico';

const sha1 = (text: string): Buffer => createHash('sha1').update(text).digest();

/** The host end of a pod's veth: `cali` and the first 11 hex digits of SHA-1(`namespace.pod`). */
export const caliName = (namespace: string, pod: string): string =>
  `cali${sha1(`${namespace}.${pod}`).toString('hex').slice(0, 11)}`;

/** The MAC of a node's `vxlan.calico`: `f` (0x66) and the first five octets of SHA-1(node name). */
export function vxlanMac(node: string): Mac.MacAddress {
  const bytes = Uint8Array.of(0x66, ...sha1(node).subarray(0, 5));
  return Mac.fromBytes(bytes);
}
