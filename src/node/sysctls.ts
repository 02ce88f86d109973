/** `net.ipv4.*` of a namespace by name, as sysctl(8) reads and writes them: those that change what the stack does. */
import type { Namespace } from '../netstack/namespace.ts';
import type { DeviceSysctl } from '../netstack/netdevice.ts';

type Setting = {
  readonly get: () => string;
  /** False when the value is not one; undefined for what cannot be written. */
  readonly set: ((value: string) => boolean) | undefined;
};

const DEVICE_SETTINGS: readonly (readonly [name: string, key: keyof DeviceSysctl])[] = [
  ['accept_local', 'acceptLocal'],
  ['forwarding', 'forwarding'],
  ['proxy_arp', 'proxyArp'],
  ['route_localnet', 'routeLocalnet'],
  ['rp_filter', 'rpFilter'],
  ['send_redirects', 'sendRedirects'],
];

/** Every setting, in order of name. */
export function sysctls(namespace: Namespace): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const device of namespace.devices) {
    for (const [name, key] of DEVICE_SETTINGS)
      settings.set(`net.ipv4.conf.${device.name.replaceAll('.', '/')}.${name}`, ofDevice(device.sysctl, key));
  }
  const { sysctl } = namespace;
  const forwarding: Setting = {
    get: () => digit(sysctl.ipForward),
    set: value =>
      flag(value, on => {
        sysctl.ipForward = on;
        // Linux hands it on to every device.
        for (const device of namespace.devices) device.sysctl.forwarding = on;
      }),
  };
  settings.set('net.ipv4.conf.all.forwarding', forwarding);
  settings.set('net.ipv4.conf.all.rp_filter', {
    get: () => String(sysctl.allRpFilter),
    set: value => {
      if (!/^[012]$/.test(value)) return false;
      sysctl.allRpFilter = Number(value) as 0 | 1 | 2;
      return true;
    },
  });
  settings.set('net.ipv4.fib_multipath_hash_policy', {
    get: () => String(sysctl.fibMultipathHashPolicy),
    set: value => {
      if (value !== '0' && value !== '1') return false;
      sysctl.fibMultipathHashPolicy = value === '1' ? 1 : 0;
      return true;
    },
  });
  settings.set('net.ipv4.icmp_echo_ignore_all', {
    get: () => digit(sysctl.icmpEchoIgnoreAll),
    set: value =>
      flag(value, on => {
        sysctl.icmpEchoIgnoreAll = on;
      }),
  });
  settings.set('net.ipv4.ip_default_ttl', {
    get: () => String(sysctl.ipDefaultTtl),
    set: value => {
      const ttl = Number(value);
      if (!(Number.isInteger(ttl) && ttl >= 1 && ttl <= 255)) return false;
      sysctl.ipDefaultTtl = ttl;
      return true;
    },
  });
  settings.set('net.ipv4.ip_forward', forwarding);
  settings.set('net.ipv4.ip_local_port_range', {
    get: () => sysctl.ipLocalPortRange.join('\t'),
    set: undefined,
  });
  settings.set('net.ipv4.tcp_ecn', {
    get: () => String(sysctl.tcpEcn),
    set: value => {
      if (!/^[012]$/.test(value)) return false;
      sysctl.tcpEcn = Number(value) as 0 | 1 | 2;
      return true;
    },
  });
  for (const [name, key] of [
    ['tcp_sack', 'tcpSack'],
    ['tcp_timestamps', 'tcpTimestamps'],
    ['tcp_window_scaling', 'tcpWindowScaling'],
  ] as const)
    settings.set(`net.ipv4.${name}`, {
      get: () => digit(sysctl[key]),
      set: value =>
        flag(value, on => {
          sysctl[key] = on;
        }),
    });
  settings.set('net.ipv4.tcp_congestion_control', {
    get: () => sysctl.tcpCongestionControl,
    set: value => {
      if (value !== 'cubic' && value !== 'reno') return false;
      sysctl.tcpCongestionControl = value;
      return true;
    },
  });
  settings.set('net.ipv4.tcp_rmem', {
    get: () => sysctl.tcpRmem.join('\t'),
    set: value =>
      memory(value, limits => {
        sysctl.tcpRmem = limits;
      }),
  });
  settings.set('net.ipv4.tcp_wmem', {
    get: () => sysctl.tcpWmem.join('\t'),
    set: value =>
      memory(value, limits => {
        sysctl.tcpWmem = limits;
      }),
  });
  return new Map([...settings].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const digit = (on: boolean): string => (on ? '1' : '0');

function flag(value: string, apply: (on: boolean) => void): boolean {
  if (!/^\d+$/.test(value)) return false;
  apply(value !== '0');
  return true;
}

/** Least, normal and most octets of a buffer. */
function memory(value: string, apply: (limits: readonly [number, number, number]) => void): boolean {
  const [least, normal, most, ...more] = value.trim().split(/\s+/).map(Number);
  if (least === undefined || normal === undefined || most === undefined || more.length > 0) return false;
  if (![least, normal, most].every(octets => Number.isSafeInteger(octets) && octets > 0)) return false;
  apply([least, normal, most]);
  return true;
}

function ofDevice(sysctl: DeviceSysctl, key: keyof DeviceSysctl): Setting {
  return {
    get: () => String(Number(sysctl[key])),
    set: value => {
      if (key !== 'rpFilter')
        return flag(value, on => {
          sysctl[key] = on;
        });
      if (!/^[012]$/.test(value)) return false;
      sysctl.rpFilter = Number(value) as 0 | 1 | 2;
      return true;
    },
  };
}
