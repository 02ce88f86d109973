/** Which commands there are where: a node has all of them, a pod what netshoot brings, a router what a router has. */
import type { Cluster } from '../controller/cluster.ts';
import type { Command, Place } from './command.ts';
import { birdcl } from './commands/birdcl.ts';
import { calicoctl } from './commands/calicoctl/calicoctl.ts';
import { conntrack } from './commands/conntrack.ts';
import { ethtool } from './commands/ethtool.ts';
import { fabric } from './commands/fabric.ts';
import { ip } from './commands/ip/ip.ts';
import { ipset } from './commands/ipset.ts';
import { iptablesSave } from './commands/iptables-save.ts';
import { kubectl } from './commands/kubectl/kubectl.ts';
import { clock, link, matrix, node, run } from './commands/lab.ts';
import { arp, bridge, netstat, route } from './commands/net-tools.ts';
import { notEmulated } from './commands/not-emulated.ts';
import { iperf3, mtr, ping, tracepath, traceroute } from './commands/programs.ts';
import { ss } from './commands/ss.ts';
import { ssh } from './commands/ssh.ts';
import { sv } from './commands/sv.ts';
import { sysctl } from './commands/sysctl.ts';
import { date, hostname, pager, su, sudo, time, timeout, uname, watch, whoami } from './commands/system.ts';
import { tcpdump } from './commands/tcpdump.ts';
import { vtysh } from './commands/vtysh.ts';

type Commands = Readonly<Record<string, Command>>;

/** What the lab itself answers, whatever has become of the machine that one sits at. */
const OF_THE_LAB: Commands = { clock, fabric, link, matrix, node, run };

const EVERYWHERE: Commands = {
  ...OF_THE_LAB,
  ...notEmulated,
  arp,
  bridge,
  conntrack,
  date,
  ethtool,
  hostname,
  ip,
  ipset,
  'iptables-save': iptablesSave,
  iperf3,
  less: pager,
  more: pager,
  mtr,
  netstat,
  ping,
  route,
  ss,
  su,
  sudo,
  sysctl,
  tcpdump,
  time,
  timeout,
  tracepath,
  traceroute,
  uname,
  watch,
  whoami,
};
const ON_MACHINES: Commands = { ...EVERYWHERE, birdcl, birdc: birdcl, ssh };
const ON_ROUTERS: Commands = { ...ON_MACHINES, vtysh };
const ON_NODES: Commands = { ...ON_MACHINES, calicoctl, k: kubectl, kubectl, sv };

/** Does a machine without power still hear this command? */
export const needsPower = (name: string): boolean => !(name in OF_THE_LAB);

/** What the image of calico-node brings. */
const IN_CALICO_NODE: Commands = { ...EVERYWHERE, birdcl, sv };

export function commandsAt(cluster: Cluster, place: Place): Commands {
  if (place.container === 'calico-node') return IN_CALICO_NODE;
  if (place.namespace !== '') return EVERYWHERE;
  const kind = cluster.machine(place.machine);
  return kind === 'node' ? ON_NODES : kind === 'router' ? ON_ROUTERS : ON_MACHINES;
}
