/** The capture of each scenario that ships, all devices of all machines; each scenario runs once. Not a test file. */
import { readdirSync, readFileSync } from 'node:fs';
import { CaptureFile } from '../../src/cli/capture-file.ts';
import { Lab } from '../../src/lab.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import { type CapturedPacket, read } from '../../src/wire/capture-reader.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import { fromRoot } from '../kit.ts';

/** Every scenario that ships: all files of `scenarios` but the manifests that they apply. */
export const SCENARIOS: readonly string[] = readdirSync(fromRoot('scenarios'), {
  recursive: true,
  encoding: 'utf8',
})
  .filter(name => /\.ya?ml$/.test(name))
  .map(name => `scenarios/${name}`)
  .filter(name => /^kind: Scenario$/m.test(readFileSync(fromRoot(name), 'utf8')))
  .sort();

export interface ScenarioCapture {
  readonly scenario: string;
  /** pcapng. */
  readonly octets: Uint8Array;
  readonly packets: readonly CapturedPacket[];
}

/** Enough of a bulk transfer: without them the longest scenario has half as many. */
const MOST_PACKETS = 12_000;

/**
 * Runs its steps, all unless there are packets enough before; whether its expectations hold is not what is asked here.
 */
export async function captureOf(scenario: string): Promise<ScenarioCapture> {
  const loaded = loadScenario(fromRoot(scenario), { validate: validateResources });
  const parts: Uint8Array[] = [];
  const file = new CaptureFile({ write: octets => parts.push(octets), close: () => {} }, loaded);
  const enough = new AbortController();
  const lab = await Lab.of(loaded, { workers: 0, capture: true, signal: enough.signal });
  let count = 0;
  lab.on('packet', observed => {
    if (++count <= MOST_PACKETS) file.packet(observed);
    else enough.abort();
  });
  try {
    await lab.steps();
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  } finally {
    await lab.close();
  }
  file.close();
  const octets = Buffer.concat(parts);
  return { scenario, octets, packets: read(octets) };
}

/** Packets of one link type as tcpdump would have written them: its files know one link type, and microseconds. */
export function pcapOf(packets: readonly CapturedPacket[], linkType: number): Buffer {
  const records = packets
    .filter(packet => packet.interface.linkType === linkType)
    .map(({ time, captured, originalLength }) => Pcap.packetRecord(time, captured, originalLength));
  return Buffer.concat([Pcap.fileHeader(linkType), ...records]);
}
