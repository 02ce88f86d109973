/** uvu's `suite`, with a time limit per test and with errors uvu 0.5.6 would swallow made visible. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Test, suite as uvuSuite } from 'uvu';

export * as assert from 'uvu/assert';

const LIMIT_MS = Number(process.env['TEST_LIMIT_MS'] ?? 5_000);

/** What a test measured: the runner shows it of tests that pass, too. */
export const measured = (text: string): void => console.log(`\n# ${text}`);

/** Absolute path of a file below the repository root (tests run from `build/test`, two folders down). */
export const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Bytes of a file below `test/fixtures/`. */
export const fixture = (path: string): Buffer => readFileSync(fromRoot(`test/fixtures/${path}`));

type Fn<T> = (ctx: T) => unknown;

function asError(e: unknown): Error {
  return e instanceof Error ? e : new Error(`a non-Error was thrown: ${String(e)}`);
}

function guarded<T>(label: string, fn: Fn<T>, limit = LIMIT_MS): (ctx: T) => Promise<void> {
  return async ctx => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${label}: no end after ${limit} ms`)), limit);
    });
    try {
      await Promise.race([fn(ctx), late]);
    } catch (e) {
      throw asError(e);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Hooks: uvu drops what they throw, so it is printed and remembered for the runner. */
function hook<T>(label: string, fn: Fn<T>, limit: number): (ctx: T) => Promise<void> {
  const run = guarded(label, fn, limit);
  return async ctx => {
    try {
      await run(ctx);
    } catch (e) {
      process.exitCode = 1;
      console.error(`\n  hook failed: ${label}\n`, e);
      throw e;
    }
  };
}

/** `limitMs`: what one test may take, for those that boot whole labs many times. */
export function suite<T = Record<string, unknown>>(name: string, ctx?: T, limitMs = LIMIT_MS): Test<T> {
  const inner = uvuSuite<T>(name, ctx);
  const outer = ((t: string, fn: Fn<T>) => inner(t, guarded(`${name} > ${t}`, fn, limitMs))) as Test<T>;
  outer.only = ((t: string, fn: Fn<T>) => {
    if (process.env['CI']) throw new Error(`${name} > ${t}: a stray .only would hide every other test`);
    inner.only(t, guarded(`${name} > ${t}`, fn, limitMs));
  }) as Test<T>['only'];
  outer.skip = inner.skip;
  outer.run = inner.run;
  const before = ((fn: Fn<T>) => inner.before(hook(`${name} before`, fn, limitMs))) as Test<T>['before'];
  before.each = ((fn: Fn<T>) =>
    inner.before.each(hook(`${name} before.each`, fn, limitMs))) as Test<T>['before']['each'];
  const after = ((fn: Fn<T>) => inner.after(hook(`${name} after`, fn, limitMs))) as Test<T>['after'];
  after.each = ((fn: Fn<T>) =>
    inner.after.each(hook(`${name} after.each`, fn, limitMs))) as Test<T>['after']['each'];
  outer.before = before;
  outer.after = after;
  return outer;
}
