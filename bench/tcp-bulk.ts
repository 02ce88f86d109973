/**
 * Bulk TCP from host to host through a router, data and acknowledgements counted: a hop is one forward or one delivery.
 * Below 2 million a CPU-second on a machine of its own would be a surprise.
 */
import * as Ipv4 from '../src/addr/ipv4.ts';
import * as Prefix from '../src/addr/prefix.ts';
import { connect } from '../src/fabric/wiring.ts';
import { EthernetDevice } from '../src/netstack/ethernet-device.ts';
import type { Namespace } from '../src/netstack/namespace.ts';
import { TcpLayer } from '../src/netstack/tcp/tcp-layer.ts';
import { Partition } from '../src/sim/partition.ts';
import { MICROSECOND, MILLISECOND, NEVER, SECOND } from '../src/sim/time.ts';
import { PROTOCOL_TCP } from '../src/wire/ipv4.ts';
import { Host } from './chain.ts';
import { perCpuSecond, type Sampling } from './sampling.ts';

const DELAY = 10 * MICROSECOND;
/** No queue in the router fills up: what is measured is work, not recovery. */
const LINK = { rateBps: 10e9, delay: DELAY, queueOctets: 16_000_000 };
const PORT = 5001;

function host(partition: Partition, id: number, ...addresses: string[]): Namespace {
  const process = new Host(id, `h${id}`, partition);
  partition.add(process);
  const namespace = process.namespace(process.name);
  addresses.forEach((address, jack) => {
    const mac = 0x0200_0000_0000 + Ipv4.from(address);
    const device = new EthernetDevice(namespace, `eth${jack}`, { mac, mtu: 1500, jack });
    namespace.addAddress(device, Ipv4.from(address), 24);
    namespace.setUp(device, true);
  });
  return namespace;
}

function endHost(partition: Partition, id: number, net: number): TcpLayer {
  const namespace = host(partition, id, `10.0.${net}.2`);
  namespace.fib.replace({
    prefix: Prefix.from('0.0.0.0/0'),
    type: 'unicast',
    nextHops: [
      { via: Ipv4.from(`10.0.${net}.1`), device: namespace.device('eth0')!, onlink: false, weight: 1 },
    ],
    protocol: 'static',
    scope: 'global',
    metric: 0,
    source: 0,
    mtu: 0,
    table: 'main',
  });
  const tcp = new TcpLayer(namespace);
  namespace.transports[PROTOCOL_TCP] = tcp;
  return tcp;
}

/** Ready and in full swing. Returns what lets it go on for a while, and says how many hops that made. */
function transfer(streams: number): (duration: number) => number {
  const partition = new Partition({ seed: 1, lookahead: DELAY });
  const sender = endHost(partition, 0, 0);
  const router = host(partition, 1, '10.0.0.1', '10.0.1.1');
  router.sysctl.ipForward = true;
  const receiver = endHost(partition, 2, 1);
  const [a, r, b] = partition.processes as [Host, Host, Host];
  connect({ process: a, jack: 0 }, { process: r, jack: 0 }, LINK);
  connect({ process: r, jack: 1 }, { process: b, jack: 0 }, LINK);
  for (const process of partition.processes) process.start();
  const silent = { established: () => {}, received: () => {}, receivedVirtual: () => {}, closed: () => {} };
  receiver.listen(PORT, () => silent);
  for (let i = 0; i < streams; i++)
    sender.connect({ remoteAddress: Ipv4.from('10.0.1.2'), remotePort: PORT }, silent).sendForever();
  const devices = [a, r, b].flatMap(one => one.namespaces[0]!.devices);
  const hops = (): number => devices.reduce((sum, device) => sum + device.counters.rxPackets, 0);
  let now = 0;
  const run = (duration: number): number => {
    const before = hops();
    now += duration;
    for (;;) {
      const window = partition.nextWindow();
      if (window === NEVER || window * DELAY >= now) break;
      partition.runWindow(window, now);
    }
    return hops() - before;
  };
  run(20 * MILLISECOND);
  return run;
}

function bulk(streams: number, sampling: Sampling) {
  const run = transfer(streams);
  const { rate, spread } = perCpuSecond(() => run(MILLISECOND), sampling);
  return { hopsPerCpuSecond: rate, spread };
}

const SLICES = 10;

/** CPU seconds for one virtual second of a full 10 Gbit/s wire: ten times the median tenth. Above 2.5 would be a surprise. */
function virtualSecond() {
  const run = transfer(1);
  const slices = Array.from({ length: SLICES }, () => {
    const before = process.cpuUsage();
    run(SECOND / SLICES);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  }).sort((one, other) => one - other);
  const [least, median, most] = [slices[0]!, slices[SLICES / 2]!, slices.at(-1)!];
  const rounded = (value: number): number => Math.round(value * 1000) / 1000;
  return { cpuSecondsPerVirtualSecond: rounded(SLICES * median), spread: rounded((most - least) / median) };
}

export const cases = [
  ...[1, 16].map(streams => ({
    name: `streams-${streams}`,
    run: (sampling: Sampling) => bulk(streams, sampling),
  })),
  { name: 'virtual-second', run: virtualSecond },
];
