/** The text of an IPv6 address as four words of 32 bits; for capture filters, which may name one. RFC 4291 §2.2. */
import * as Ipv4Address from '../addr/ipv4.ts';

export function parseIpv6(text: string): readonly number[] | undefined {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  if (front === undefined || back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...front, ...new Array<number>(missing).fill(0), ...back];
  return [0, 2, 4, 6].map(i => groups[i]! * 0x1_0000 + groups[i + 1]!);
}

/** Groups of 16 bits; the last may be a dotted IPv4 address, which is two. */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  for (const part of text.split(':')) {
    const dotted = part.includes('.') ? Ipv4Address.parse(part) : undefined;
    if (dotted !== undefined) groups.push(Math.floor(dotted / 0x1_0000), dotted % 0x1_0000);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
