/** Runs the steps of a scenario, one after the other, and keeps what came of each. */
import type { Cluster } from '../controller/cluster.ts';
import type { Command, Expectation, Step } from '../scenario/types.ts';
import type { ShellResult } from '../shell/shell.ts';
import type { VirtualTime } from '../sim/time.ts';
import { judge } from './expectations.ts';
import type { SnapshotBook } from './snapshot-book.ts';
import type { Verdict } from './verdict.ts';
import { beginWatches, endWatches } from './watches.ts';

export interface CommandResult extends ShellResult {
  readonly command: Command;
}

export interface ExpectationResult {
  readonly expectation: Expectation;
  readonly verdict: Verdict;
}

export interface StepResult {
  readonly step: Step;
  readonly index: number;
  /** When it began. */
  readonly at: VirtualTime;
  readonly end: VirtualTime;
  readonly commands: readonly CommandResult[];
  readonly expectations: readonly ExpectationResult[];
  readonly ok: boolean;
  /** Failed only because no verdict was reached. */
  readonly inconclusive: boolean;
}

export interface StepContext {
  readonly cluster: Cluster;
  readonly exec: (line: string) => Promise<ShellResult>;
  readonly signal: AbortSignal | undefined;
  readonly snapshots: SnapshotBook;
}

export async function runStep(context: StepContext, step: Step, index: number): Promise<StepResult> {
  const { cluster, signal, snapshots } = context;
  const { controller } = cluster;
  const at = controller.now;
  const watches = await beginWatches(cluster, step);
  await disturb(context, step);
  const commands: CommandResult[] = [];
  for (const command of step.run) {
    if (signal?.aborted) break;
    commands.push({ command, ...(await context.exec(command.text)) });
  }
  if (step.waitNs > 0) await controller.run(controller.now + step.waitNs);
  const last = commands.at(-1);
  const output = last === undefined ? '' : last.stdout + last.stderr;
  const exitCode = last?.exitCode ?? 0;
  const expectations: ExpectationResult[] = [];
  for (const expectation of step.expect) {
    if (signal?.aborted) break;
    const around = { cluster, output, exitCode, signal, snapshots, ...watches };
    expectations.push({ expectation, verdict: await judge(around, expectation) });
  }
  await endWatches(cluster, watches);
  if (step.snapshot !== undefined) await snapshots.take(cluster, step.snapshot);
  const failed = expectations.filter(e => !e.verdict.ok);
  // A command may fail on purpose if the step goes on to look at what it printed, or at what it lost.
  const looksAtIt = step.expect.some(e => e.kind === 'output' || e.kind === 'drops');
  const commandFailed = !looksAtIt && commands.some(c => c.exitCode !== 0);
  return {
    step,
    index,
    at,
    end: controller.now,
    commands,
    expectations,
    ok: failed.length === 0 && !commandFailed,
    inconclusive: !commandFailed && failed.length > 0 && failed.every(e => e.verdict.inconclusive === true),
  };
}

async function disturb({ cluster }: StepContext, step: Step): Promise<void> {
  const { controller } = cluster;
  if (step.link !== undefined) {
    const nic = controller.plan.nic(step.link.owner, step.link.device);
    if (nic === undefined) throw new Error(`no such link: ${step.link.owner}/${step.link.device}`);
    await controller.setCarrier(nic, step.link.state === 'up');
  }
  if (step.node !== undefined) {
    await controller.setPower(step.node.name, step.node.action === 'start');
  }
}
