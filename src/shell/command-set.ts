/** Which commands there are where: a node has all of them, a pod what netshoot brings, a router what a router has. */
import type { Cluster } from '../controller/cluster.ts';
import type { Command, Place } from './command.ts';
import { birdcl } from './commands/birdcl.ts';
import { calicoctl } from './commands/calicoctl/calicoctl.ts';
import { ip } from './commands/ip/ip.ts';
import { kubectl } from './commands/kubectl/kubectl.ts';
import { clock, link, matrix, node, run } from './commands/lab.ts';
import { arp, bridge, route } from './commands/net-tools.ts';
import { notEmulated } from './commands/not-emulated.ts';
import { iperf3, ping, traceroute } from './commands/programs.ts';
import { ss } from './commands/ss.ts';
import { ssh } from './commands/ssh.ts';
import { sv } from './commands/sv.ts';
import { date, hostname, pager, su, sudo, sysctl, uname, watch, whoami } from './commands/system.ts';
import { tcpdump } from './commands/tcpdump.ts';

type Commands = Readonly<Record<string, Command>>;

const EVERYWHERE: Commands = {
  ...notEmulated,
  arp,
  bridge,
  clock,
  date,
  hostname,
  ip,
  iperf3,
  less: pager,
  link,
  matrix,
  more: pager,
  node,
  ping,
  route,
  run,
  ss,
  su,
  sudo,
  sysctl,
  tcpdump,
  traceroute,
  uname,
  watch,
  whoami,
};
/** These are not programs of the machine that they are typed at: they work also while it is off. */
export const outOfThisWorld: ReadonlySet<Command> = new Set([clock, link, matrix, node, run]);

const ON_MACHINES: Commands = { ...EVERYWHERE, birdcl, birdc: birdcl, ssh };
const ON_NODES: Commands = { ...ON_MACHINES, calicoctl, k: kubectl, kubectl, sv };

export function commandsAt(cluster: Cluster, place: Place): Commands {
  if (place.namespace !== '') return EVERYWHERE;
  return cluster.machine(place.machine) === 'node' ? ON_NODES : ON_MACHINES;
}
