/** MAC addresses as 48-bit integers in a float64 (exact), so that they compare and key maps like numbers. */
export type MacAddress = number;

export const BROADCAST: MacAddress = 0xffff_ffff_ffff;
/** What every `cali*` device answers with (Felix and the CNI plugin set it; facts: calico-dataplane §6). */
export const CALI: MacAddress = 0xeeee_eeee_eeee;

export const isGroup = (mac: MacAddress): boolean => (Math.floor(mac / 2 ** 40) & 1) === 1;

/** `aa:bb:cc:dd:ee:ff`. */
export function format(mac: MacAddress): string {
  return mac
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, '$&:');
}

/** Parse six colon-separated hex octets; `undefined` when it is anything else. */
export function parse(text: string): MacAddress | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)
    ? Number.parseInt(text.replaceAll(':', ''), 16)
    : undefined;
}

export function fromBytes(bytes: Uint8Array, at = 0): MacAddress {
  let mac = 0;
  for (let i = 0; i < 6; i++) mac = mac * 256 + bytes[at + i]!;
  return mac;
}

/** High 16 and low 32 bits: how a codec writes one. */
export const high16 = (mac: MacAddress): number => Math.floor(mac / 2 ** 32);
export const low32 = (mac: MacAddress): number => mac % 2 ** 32;
