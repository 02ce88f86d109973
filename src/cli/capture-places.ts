/**
 * The devices that `tunlab capture -i` names, as the interfaces of its file are called, or shorter:
 *
 *    any                       every device of every machine, and the ports of the switches
 *    k8s-w1  k8s-w1/tunl0      a machine: all of it, or a device of its own namespace
 *    k8s-w1/default/pod1/eth0  a device of a pod; without the last part all of them
 *    pod1  pod1/eth0           the same wherever the pod runs; kube-system/coredns/eth0 in another namespace
 *    subnet-a/k8s-w1/eth0      a switch, a port of it: what dies there
 */
import type { Lab } from '../lab.ts';
import { didYouMean } from '../scenario/nearest.ts';
import type { Scenario } from '../scenario/types.ts';
import { type DevicePattern, fitsAny } from '../trace/observation.ts';
import type { PacketRecord } from '../trace/record.ts';
import { interfaceName } from './capture-file.ts';
import { UsageError } from './command-table.ts';

interface Place {
  readonly text: string;
  /** Absent: whatever machine a pod runs on. */
  readonly machine?: string;
  readonly pattern: DevicePattern;
  /** Ports of a switch cannot be asked for. */
  readonly isSwitch: boolean;
  seen: boolean;
}

export class CapturePlaces {
  /** Empty: everything. */
  readonly #places: readonly Place[];

  /** `written`: the values of `-i`. */
  constructor(written: readonly string[], { fabric }: Scenario) {
    const machines = [...fabric.nodes, ...fabric.routers, ...fabric.hosts].map(({ name }) => name);
    const switches = fabric.subnets.map(({ name }) => `subnet-${name}`);
    const named = written.map(text => placeOf(text, machines, switches));
    this.#places = written.includes('any') ? [] : named;
  }

  /** For `Lab.of`: what of each machine or switch is captured. */
  get capture(): true | ((machine: string) => readonly DevicePattern[]) {
    if (this.#places.length === 0) return true;
    return name =>
      this.#places.filter(({ machine = name }) => machine === name).map(({ pattern }) => pattern);
  }

  /** A packet was captured there. */
  saw(machine: string, { namespace, device }: PacketRecord): void {
    for (const place of this.#places) if (fitsPlace(place, machine, namespace, [device])) place.seen = true;
  }

  /** Places without a packet must at least exist. Throws `UsageError`. */
  async check(lab: Lab): Promise<void> {
    const silent = this.#places.filter(({ seen, isSwitch }) => !seen && !isSwitch);
    if (silent.length === 0) return;
    const devices = await devicesOf(lab);
    for (const place of silent) {
      if (devices.some(({ machine, namespace, names }) => fitsPlace(place, machine, namespace, names)))
        continue;
      const known = devices.flatMap(({ machine, namespace, names }) =>
        names.map(device => interfaceName(machine, { namespace, device })),
      );
      throw new UsageError(
        `-i ${place.text}: there is no such device${didYouMean(place.text, known)}`,
        'capture',
      );
    }
  }
}

const fitsPlace = (place: Place, machine: string, namespace: string, names: readonly string[]): boolean =>
  (place.machine ?? machine) === machine && fitsAny([place.pattern], namespace, names);

function placeOf(text: string, machines: readonly string[], switches: readonly string[]): Place {
  const [first = '', ...rest] = text.split('/');
  const place = { text, isSwitch: false, seen: false };
  if (switches.includes(first)) {
    const pattern = rest.length === 0 ? {} : { device: rest.join('/') };
    return { ...place, machine: first, isSwitch: true, pattern };
  }
  if (!machines.includes(first)) return { ...place, pattern: inPod([first, ...rest], text) };
  const own = { ...place, machine: first };
  if (rest.length === 0) return { ...own, pattern: {} };
  if (rest.length === 1) return { ...own, pattern: { namespace: '', device: rest[0]! } };
  return { ...own, pattern: inPod(rest.length === 2 ? [...rest, ''] : rest, text) };
}

/** `pod1`, `pod1/eth0`, `default/pod1/eth0`. */
function inPod(parts: readonly string[], text: string): DevicePattern {
  const [namespace, pod, device] = parts.length === 3 ? parts : ['default', ...parts];
  if (parts.length > 3 || namespace === '' || pod === '')
    throw new UsageError(`-i: expected MACHINE/DEVICE, POD/DEVICE or any, got "${text}"`, 'capture');
  return { namespace: `${namespace}/${pod}`, ...(device && { device }) };
}

interface FoundDevice {
  readonly machine: string;
  readonly namespace: string;
  readonly names: readonly string[];
}

async function devicesOf(lab: Lab): Promise<FoundDevice[]> {
  const { controller, cluster } = lab;
  const found: FoundDevice[] = [];
  for (const machine of controller.machines) {
    for (const namespace of await controller.ask<string[]>(machine, { do: 'namespaces' })) {
      const devices = await cluster.devices({ machine, namespace });
      found.push(
        ...devices.map(({ name, altnames }) => ({ machine, namespace, names: [name, ...altnames] })),
      );
    }
  }
  return found;
}
