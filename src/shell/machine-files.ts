/**
 * The files of a machine, a pod or a container, in memory. Some of them are the emulated machine itself: under /proc/sys
 * are the kernel's settings, to read and to write, and calico-node has what confd wrote for BIRD.
 */
import { type FileContent, InMemoryFs } from 'just-bash';
import * as Mac from '../addr/mac.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { DeviceView } from '../node/command.ts';
import { operationalState } from '../report/link-text.ts';
import type { Place } from './command.ts';
import { settingsAt, writeSetting } from './commands/sysctl.ts';
import { outside } from './outside.ts';

const SETTINGS = '/proc/sys';
const DEVICES = '/sys/class/net';
const DEVICE = /^\/sys\/class\/net\/([^/]+)$/;
const CONFD = '/etc/calico/confd/config';

/** The kernel takes no such value, or has no such setting; the message is strerror(3)'s. */
export class WriteRefused extends Error {}

export class MachineFiles extends InMemoryFs {
  readonly #cluster: Cluster;
  readonly #place: Place;
  #looking: Promise<void> = Promise.resolve();
  /** A folder goes, and asks for its own entries on the way. */
  #removing = false;

  /** `files`: what lies there at first, by absolute path. */
  constructor(cluster: Cluster, place: Place, files: Readonly<Record<string, string>>) {
    const mtime = new Date(cluster.scenario.startMs);
    super(Object.fromEntries(Object.entries(files).map(([path, content]) => [path, { content, mtime }])));
    this.#cluster = cluster;
    this.#place = place;
  }

  override async readFile(...args: Parameters<InMemoryFs['readFile']>): Promise<string> {
    await this.#lookUp(args[0]);
    return super.readFile(...args);
  }

  override async readFileBytes(path: string): Promise<Awaited<ReturnType<InMemoryFs['readFileBytes']>>> {
    await this.#lookUp(path);
    return super.readFileBytes(path);
  }

  override async readFileBuffer(path: string): Promise<Uint8Array> {
    await this.#lookUp(path);
    return super.readFileBuffer(path);
  }

  override async exists(path: string): Promise<boolean> {
    await this.#lookUp(path);
    return super.exists(path);
  }

  override async stat(path: string): ReturnType<InMemoryFs['stat']> {
    await this.#lookUp(path);
    return super.stat(path);
  }

  override async lstat(path: string): ReturnType<InMemoryFs['lstat']> {
    await this.#lookUp(path);
    return super.lstat(path);
  }

  override async realpath(path: string): Promise<string> {
    await this.#lookUp(path);
    return super.realpath(path);
  }

  override async readdir(path: string): Promise<string[]> {
    if (!this.#removing) await this.#lookUp(path);
    return super.readdir(path);
  }

  override async readdirWithFileTypes(path: string): ReturnType<InMemoryFs['readdirWithFileTypes']> {
    await this.#lookUp(path);
    return super.readdirWithFileTypes(path);
  }

  override async writeFile(...args: Parameters<InMemoryFs['writeFile']>): Promise<void> {
    const [path, content] = args;
    if (isUnder(path, SETTINGS)) return this.#set(path, content);
    await super.writeFile(...args);
    await this.#touch(path);
  }

  override async appendFile(...args: Parameters<InMemoryFs['appendFile']>): Promise<void> {
    const [path, content] = args;
    if (isUnder(path, SETTINGS)) return this.#set(path, content);
    await super.appendFile(...args);
    await this.#touch(path);
  }

  override async mkdir(...args: Parameters<InMemoryFs['mkdir']>): Promise<void> {
    await super.mkdir(...args);
    await this.#touch(args[0]);
  }

  /** Nothing here may know what the time is outside. */
  #touch(path: string): Promise<void> {
    const { scenario, controller } = this.#cluster;
    const now = new Date(scenario.startMs + Math.floor(controller.now / 1e6));
    return super.utimes(path, now, now);
  }

  /** Bring what the machine itself says up to date, where `path` leads to it. */
  async #lookUp(path: string): Promise<void> {
    const isConfd = this.#place.container === 'calico-node' && isUnder(path, '/etc/calico');
    const isSys = isUnder(path, '/sys');
    if (!isConfd && !isSys && !isUnder(path, '/proc')) return;
    // A shell that looks for a pattern asks for many paths at once; the machine answers one question after the other.
    const before = this.#looking;
    const look = (): Promise<void> =>
      isConfd ? this.#lookUpConfd() : isSys ? this.#lookUpDevices() : this.#lookUpSettings();
    this.#looking = before.then(() => outside(look));
    await this.#looking;
  }

  async #lookUpSettings(): Promise<void> {
    if (this.#cluster.controller.isOff(this.#place.machine)) return;
    const settings = await settingsAt({ cluster: this.#cluster, place: this.#place });
    const paths = new Set(settings.map(([name]) => pathOf(name)));
    for (const path of super.getAllPaths())
      if (isUnder(path, `${SETTINGS}/net/ipv4/conf`) && !paths.has(path) && (await super.stat(path)).isFile)
        await super.rm(path);
    const mtime = new Date(this.#cluster.scenario.startMs);
    for (const [name, value] of settings)
      super.writeFileSync(pathOf(name), `${value}\n`, undefined, { mtime, mode: 0o644 });
  }

  async #set(path: string, content: FileContent): Promise<void> {
    const text = typeof content === 'string' ? content : new TextDecoder().decode(content);
    // The shell empties a file before it writes to it.
    if (text === '') return;
    await outside(() => this.#write(path, text.trim()));
  }

  async #write(path: string, value: string): Promise<void> {
    const io = { cluster: this.#cluster, place: this.#place };
    const known = (await settingsAt(io)).find(([name]) => pathOf(name) === path);
    if (known === undefined) throw new WriteRefused('Permission denied');
    if (!(await writeSetting(io, known[0], value))) throw new WriteRefused('Invalid argument');
  }

  /** What the kernel says of each device. */
  async #lookUpDevices(): Promise<void> {
    if (this.#cluster.controller.isOff(this.#place.machine)) return;
    const mtime = new Date(this.#cluster.scenario.startMs);
    const devices = await this.#cluster.devices(this.#place);
    const names = new Set(devices.map(({ name }) => name));
    const known = super.getAllPaths().flatMap(path => DEVICE.exec(path)?.[1] ?? []);
    this.#removing = true;
    for (const gone of new Set(known))
      if (!names.has(gone)) await super.rm(`${DEVICES}/${gone}`, { recursive: true, force: true });
    this.#removing = false;
    for (const device of devices)
      for (const [name, value] of Object.entries(sysAttributes(device)))
        super.writeFileSync(`${DEVICES}/${device.name}/${name}`, `${value}\n`, undefined, {
          mtime,
          mode: 0o444,
        });
  }

  async #lookUpConfd(): Promise<void> {
    const files = await this.#cluster.controller.ask<Record<string, string>>(this.#place.machine, {
      do: 'daemon-files',
    });
    const mtime = new Date(this.#cluster.scenario.startMs);
    for (const [name, text] of Object.entries(files ?? {}))
      super.writeFileSync(`${CONFD}/${name}`, text, undefined, { mtime, mode: 0o644 });
  }
}

/** Files of /sys/class/net/DEVICE (Linux, Documentation/ABI/testing/sysfs-class-net). */
function sysAttributes(device: DeviceView): Readonly<Record<string, string | number>> {
  const { index, peer, mtu, mac, kind, carrier, up, counters } = device;
  return {
    address: kind === 'ipip' ? '0.0.0.0' : Mac.format(mac),
    ifindex: index,
    iflink: peer?.index ?? (kind === 'ipip' ? 0 : index),
    mtu,
    operstate: operationalState(device).toLowerCase(),
    type: { ether: 1, loopback: 772, ipip: 768 }[kind as 'ether' | 'loopback' | 'ipip'],
    tx_queue_len: 1000,
    ...(up && { carrier: carrier ? 1 : 0 }),
    'statistics/rx_bytes': counters.rxOctets,
    'statistics/rx_packets': counters.rxPackets,
    'statistics/rx_dropped': counters.rxDropped,
    'statistics/rx_errors': 0,
    'statistics/tx_bytes': counters.txOctets,
    'statistics/tx_packets': counters.txPackets,
    'statistics/tx_dropped': counters.txDropped,
    'statistics/tx_errors': 0,
  };
}

const isUnder = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** `net.ipv4.conf.vxlan/calico.rp_filter` -> `/proc/sys/net/ipv4/conf/vxlan.calico/rp_filter`. */
const pathOf = (name: string): string => `${SETTINGS}/${name.replace(/[./]/g, c => (c === '.' ? '/' : '.'))}`;
