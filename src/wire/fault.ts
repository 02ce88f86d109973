/** Why a header was refused. `check` of every codec returns one; accessors are safe once it returns `None`. */
export const Fault = {
  None: 0,
  /** Fewer real bytes than the header needs. */
  Truncated: 1,
  BadVersion: 2,
  /** A length field contradicts itself or the packet that was received. */
  BadLength: 3,
  BadChecksum: 4,
  /** A hardware, protocol or address-length field that this codec does not speak (ARP). */
  BadType: 5,
  /** Flag bits that must be set are not, or reserved ones are (VXLAN). */
  BadFlags: 6,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];
