/** `--trace CLASSES[@MACHINE]`: which records of a lab are shown, and how. The classes are those of BIRD's `debug`. */
import type { Observed } from '../controller/controller.ts';
import type { TraceRequest } from '../lab.ts';
import { didYouMean } from '../scenario/nearest.ts';
import type { Scenario } from '../scenario/types.ts';
import { type LabRecord, TRACE_CLASSES, type TraceClass } from '../trace/record.ts';
import { UsageError } from './command-table.ts';

/** `states,routes@k8s-w1`, `all`. Throws `UsageError`, also when `scenario` has no such machine. */
export function parseTrace(text: string, { fabric }: Pick<Scenario, 'fabric'>): TraceRequest {
  const [list = '', machine, more] = text.split('@');
  const words = list.split(',').map(word => word.trim());
  const classes = words.flatMap(word => (word === 'all' ? TRACE_CLASSES : [traceClass(word)]));
  if (machine === '' || more !== undefined)
    throw new UsageError(`--trace: expected CLASSES@MACHINE, got "${text}"`, 'run');
  const names = [...fabric.nodes, ...fabric.routers, ...fabric.hosts].map(({ name }) => name);
  if (machine !== undefined && !names.includes(machine))
    throw new UsageError(`--trace: there is no machine "${machine}"${didYouMean(machine, names)}`, 'run');
  return { classes: [...new Set(classes)], machine };
}

function traceClass(word: string): TraceClass {
  const found = TRACE_CLASSES.find(each => each === word);
  if (found !== undefined) return found;
  const choice = `${TRACE_CLASSES.join(', ')} or all`;
  throw new UsageError(`--trace: "${word}" is none of ${choice}${didYouMean(word, TRACE_CLASSES)}`, 'run');
}

/** The line of `observed`, or `undefined` when it is not asked for. Virtual time in seconds, to the nanosecond. */
export function traceLine(request: TraceRequest, { machine, time, record }: Observed): string | undefined {
  if (request.machine !== undefined && request.machine !== machine) return undefined;
  const said = sayingOf(record);
  if (said === undefined || !request.classes.includes(said.class)) return undefined;
  return `${(time / 1e9).toFixed(9).padStart(14)} ${machine} ${said.class}: ${said.text}`;
}

function sayingOf(record: LabRecord): { class: TraceClass; text: string } | undefined {
  switch (record.type) {
    case 'trace':
      return record;
    case 'session':
      return {
        class: 'states',
        text: `${record.name} ${record.from} -> ${record.to}${record.because === '' ? '' : ` (${record.because})`}`,
      };
    case 'route':
      return { class: 'routes', text: `${record.action} ${record.text.trim()}` };
    default:
      return undefined;
  }
}
