/** How engine cases are measured: CPU time of the process, after a warm-up, median of seven. */

export interface Sampling {
  /** One short sample: does the case run at all? */
  readonly smoke: boolean;
}

const SAMPLES = 7;

/**
 * Operations per CPU-second of `action`, which does some and returns how many. Each sample lasts `seconds`. The spread
 * is (max - min) / median.
 */
export function perCpuSecond(
  action: () => number,
  { smoke }: Sampling,
  seconds = 0.4,
): { rate: number; spread: number } {
  if (!smoke) sample(action, seconds);
  const samples = Array.from({ length: smoke ? 1 : SAMPLES }, () => sample(action, smoke ? 0.02 : seconds));
  samples.sort((a, b) => a - b);
  const median = samples[samples.length >> 1]!;
  const spread = Math.round(((samples.at(-1)! - samples[0]!) / median) * 100) / 100;
  return { rate: median, spread };
}

function sample(action: () => number, seconds: number): number {
  const began = process.cpuUsage();
  let operations = 0;
  for (;;) {
    operations += action();
    const { user, system } = process.cpuUsage(began);
    const used = (user + system) / 1e6;
    if (used >= seconds) return Math.round(operations / used);
  }
}
