/** A lab with somebody at its shell who takes five seconds a line, as `tunlab shell` has it. */
import { Lab } from '../../src/lab.ts';
import type { Command } from '../../src/shell/command.ts';
import { LabShell } from '../../src/shell/shell.ts';
import { SECOND } from '../../src/sim/time.ts';
import { fromRoot } from '../kit.ts';

export interface Typist {
  readonly lab: Lab;
  readonly shell: LabShell;
  /** Everything that a line printed, errors behind the rest. */
  type(line: string): Promise<string>;
  /** The same, where the line must succeed. */
  run(line: string): Promise<string>;
  exitCode: number;
  /** Stop what runs in the background, and close the lab. */
  leave(): Promise<void>;
}

export async function sitDown(
  scenario: string,
  extras: Readonly<Record<string, Command>> = {},
): Promise<Typist> {
  const lab = await Lab.load(fromRoot(scenario), { workers: 0 });
  await lab.converge();
  const shell = new LabShell(lab.cluster, { typing: 5 * SECOND, extras });
  const typist: Typist = {
    lab,
    shell,
    exitCode: 0,
    type: async line => {
      const { stdout, stderr, exitCode } = await shell.exec(line);
      typist.exitCode = exitCode;
      return stdout + stderr;
    },
    leave: async () => {
      await shell.close();
      await lab.close();
    },
    run: async line => {
      const output = await typist.type(line);
      if (typist.exitCode !== 0) throw new Error(`${line}: exit code ${typist.exitCode}\n${output}`);
      return output;
    },
  };
  return typist;
}

/** Without what nobody could foretell: round-trip times, ICMP identifiers, times of day, ages. */
export const settled = (text: string): string =>
  text
    .replace(/time=\d+\.\d+ ms/g, 'time=T ms')
    .replace(/= [\d./]+ ms$/gm, '= T ms')
    .replace(/time \d+ms/g, 'time T')
    .replace(/\d\d:\d\d:\d\d\.\d{6}/g, 'TIME')
    .replace(/\bid \d+,/g, 'id N,')
    .replace(/\b\d\d:\d\d:\d\d\b/g, 'CLOCK')
    .replace(/( {3})(\d+[smhd])+( {2,}\d)/g, '$1AGE$3');
