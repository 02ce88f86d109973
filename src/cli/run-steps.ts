/** The first steps of a scenario, before somebody looks; without any the lab converges, so that there is something to see. */
import type { Lab } from '../lab.ts';

export async function runSteps(lab: Lab, steps: number | 'all'): Promise<void> {
  const { steps: all } = lab.scenario;
  const wanted = steps === 'all' ? all : all.slice(0, steps);
  if (wanted.length === 0) await lab.converge();
  for (const [index, step] of wanted.entries()) await lab.step(step, index);
}
