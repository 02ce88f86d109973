/** A folder for what command lines write, and the scenarios they are about. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CapturedPacket, read } from '../../src/wire/capture-reader.ts';
import { fromRoot } from '../kit.ts';

export const MAIN = fromRoot('build/src/cli/main.js');
export const MODES = fromRoot('scenarios/modes');
export const DIRECT = join(MODES, 'direct.yaml');

const folder = mkdtempSync(join(tmpdir(), 'tunlab-cli-'));
export const path = (name: string): string => join(folder, name);
export const cleanUp = (): void => rmSync(folder, { recursive: true });

export const packetsOf = (file: string): CapturedPacket[] => read(readFileSync(file));
