/** The algorithms by their sysctl name (`net.ipv4.tcp_congestion_control`). */
import type { CongestionControl } from './control.ts';
import { Cubic } from './cubic.ts';
import { Reno } from './reno.ts';

export const create = (name: 'reno' | 'cubic'): CongestionControl =>
  name === 'cubic' ? new Cubic() : new Reno();
