/** `sysctl -w` in a namespace, for the settings of TCP that decide how fast it is. */
import type { NamespaceSysctl } from '../netstack/transport.ts';

const PREFIX = 'net.ipv4.';

/** True when `name` is one that can be set and `value` is a value of it. */
export function setSysctl(sysctl: NamespaceSysctl, name: string, value: string): boolean {
  const numbers = value.trim().split(/\s+/).map(Number);
  if (!name.startsWith(PREFIX)) return false;
  switch (name.slice(PREFIX.length)) {
    case 'tcp_rmem':
    case 'tcp_wmem': {
      const [least, normal, most] = numbers;
      if (least === undefined || normal === undefined || most === undefined) return false;
      if (numbers.length !== 3 || !numbers.every(octets => Number.isSafeInteger(octets) && octets > 0))
        return false;
      if (name.endsWith('rmem')) sysctl.tcpRmem = [least, normal, most];
      else sysctl.tcpWmem = [least, normal, most];
      return true;
    }
    case 'tcp_congestion_control':
      if (value !== 'cubic' && value !== 'reno') return false;
      sysctl.tcpCongestionControl = value;
      return true;
    default:
      return false;
  }
}
