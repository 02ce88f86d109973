/** What is said when a run did not come to its end, and the exit code that goes with it. */
import { SimulationFault } from '../parallel/fault.ts';
import { formatTime } from '../runner/verdict.ts';
import { OutputError } from './output-file.ts';

/** Errors that end a run but not its report: what was measured until then is still shown and written. */
export type RunFault = SimulationFault | OutputError;

export const isRunFault = (error: unknown): error is RunFault =>
  error instanceof SimulationFault || error instanceof OutputError;

/** Lines for stderr. A stack is shown only where a process threw: that is a mistake of ours. */
export function faultText(fault: RunFault, failed: (text: string) => string): string {
  if (fault instanceof OutputError) return `${failed(fault.message)}\n`;
  const { kind, process, virtualTime, message, stack } = fault;
  if (kind === 'aborted') return `tunlab: interrupted at ${formatTime(virtualTime)} of virtual time\n`;
  const where = `${process ?? 'the lab'}, at ${formatTime(virtualTime)} of virtual time`;
  if (kind === 'throw')
    return `${failed(`internal error in ${where}: this is a bug in tunlab, not in your scenario`)}\n${stack ?? message}\n`;
  return `${failed(`the run ended in ${where}`)}\n${message}\n`;
}
