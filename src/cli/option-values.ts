/** What several commands' options have in common: their words in the help, their values, and what is wrong with one. */
import { parseDuration } from '../scenario/quantity.ts';
import type { Workers } from './command-options.ts';

/** A mistake on the command line: exit code 2, one line, and where to look. */
export class UsageError extends Error {
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.name = 'UsageError';
    this.command = command;
  }
}

export interface OptionSpec {
  /** As cac has it: `--seed <number>`, `-c, --command <line>`; without a value it is a switch. */
  readonly flags: string;
  readonly about: string;
  readonly hidden?: boolean;
  readonly repeatable?: boolean;
}

/** The words of one command line, by option name without dashes. */
export interface Words {
  readonly positional: readonly string[];
  text(option: string): string | undefined;
  list(option: string): readonly string[];
  on(option: string): boolean;
}

export const WORKERS: OptionSpec = {
  flags: '--workers <number>',
  about: 'worker threads: per-node (default), auto, or a number; 0 is none',
};
/** One person types: threads would cost more to start than they save. */
export const SHELL_WORKERS: OptionSpec = {
  flags: '--workers <number>',
  about: 'worker threads: 0 (default), per-node, auto, or a number',
};
export const SEED: OptionSpec = { flags: '--seed <number>', about: "seed, in place of the scenario's" };

export function parseWorkers(text: string | undefined): Workers {
  if (text === undefined || text === 'per-node') return 'per-node';
  if (text === 'auto') return 'auto';
  if (/^\d{1,4}$/.test(text) && Number(text) <= 256) return Number(text);
  throw new UsageError(`--workers: expected per-node, auto or a number up to 256, got "${text}"`);
}

export function parseSeed(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seed = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (seed <= 0xffff_ffff) return seed;
  throw new UsageError(`--seed: expected a number from 0 to 4294967295, got "${text}"`);
}

export function parseSteps(text: string | undefined): number | 'all' {
  if (text === undefined) return 0;
  if (text === 'all') return 'all';
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError(`--steps: expected all or a number, got "${text}"`);
}

export const common = (words: Words) => ({
  workers: parseWorkers(words.text('workers')),
  seed: parseSeed(words.text('seed')),
});

/** Virtual time, ns. */
export function parseTime(words: Words, option: string): number | undefined {
  const text = words.text(option);
  if (text === undefined) return undefined;
  const time = parseDuration(text);
  if (time !== undefined) return time;
  throw new UsageError(`--${option}: expected a time such as 12s or 500ms, got "${text}"`);
}

export function parseNumber(words: Words, option: string, least: number, most: number): number | undefined {
  const text = words.text(option);
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${option}: expected a number from ${least} to ${most}, got "${text}"`);
}
