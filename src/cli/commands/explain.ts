/** `tunlab explain FILE FROM TO`: one probe, hop by hop; `tunlab explain CODE`: what a drop code means. */
import { NoSuchParty } from '../../controller/cluster.ts';
import type { ProbeOptions } from '../../controller/probes.ts';
import { type Diagnosis, diagnose } from '../../cures/diagnosis.ts';
import type { Cure } from '../../cures/trial.ts';
import { explanationLines } from '../../explain/explanation-text.ts';
import { wrap } from '../../report/table.ts';
import { formatTime } from '../../runner/verdict.ts';
import { type ExplainOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import { type Io, WIDTH } from '../io.ts';
import { openScenario } from '../open-scenario.ts';
import { Progress } from '../progress.ts';
import { version } from '../version.ts';
import { explainCode } from './explain-code.ts';

export async function explain(options: ExplainOptions, io: Io): Promise<number> {
  const { what, steps, at, json } = options;
  if (what.kind === 'code') return explainCode(what.code, options, io);
  const scenario = await openScenario(what.path, io);
  const { from, to } = what;
  const seed = options.seed ?? scenario.seed;
  const progress = new Progress(io.stderr);
  const print = (text: string): void => {
    progress.clear();
    io.stdout.write(text);
  };
  progress.update(`${scenario.name}: running its steps`);
  try {
    const request = {
      scenario,
      from,
      to,
      what: probe(options),
      steps,
      at,
      seed,
      cures: true,
      signal: io.signal,
    };
    const diagnosis = await diagnose(request, found => {
      if (!json) print(foundText({ ...found, cures: [] }, `${from} → ${to}`, io));
      progress.update('trying cures');
    });
    if (json) {
      const { at: atNs, explanation, ...rest } = diagnosis;
      const head = { schemaVersion: 1, tunlab: version(), scenario: scenario.file, seed, atNs };
      const document = { ...head, ...explanation, ...rest, complaint: rest.complaint ?? null };
      print(`${JSON.stringify(document, null, 2)}\n`);
    } else if (diagnosis.complaint !== undefined) print(curesText(diagnosis.cures));
    return ExitCode.Held;
  } catch (error) {
    if (error instanceof NoSuchParty) throw new UsageError(error.message, 'explain');
    throw error;
  } finally {
    progress.clear();
  }
}

function probe({ proto, port, size, df }: ExplainOptions): ProbeOptions {
  return { proto, df, ...(port !== undefined && { port }), ...(size !== undefined && { size }) };
}

function foundText({ explanation, pending, complaint }: Diagnosis, pair: string, { stdout }: Io): string {
  const lines =
    explanation === undefined
      ? [
          stdout.colour.failed(`${pair}   NOTHING SENT`),
          ...pending.flatMap(({ name, message }) =>
            indented(`pod ${name} has no address: ${message}`, '  ', '    '),
          ),
        ]
      : explanationLines(explanation, stdout.colour);
  const detour =
    complaint === 'detour' ? ['  both nodes are in one subnet, and yet it went through a tunnel'] : [];
  return `${[...lines, ...detour].join('\n')}\n`;
}

function curesText(cures: readonly Cure[]): string {
  if (cures.length === 0) return '  no cure known: nothing that was tried brings the answer back\n';
  const lines = cures.flatMap(cure => [
    ...indented(cure.change, '  • ', '    '),
    ...effects(cure).flatMap(line => indented(line, '      ', '      ')),
    ...cure.commands.map(line => `      $ ${line}`),
  ]);
  return `  cures, each tried on a copy of the lab:\n${lines.join('\n')}\n`;
}

const indented = (text: string, first: string, rest: string): string[] =>
  wrap(text, WIDTH - rest.length).map((line, i) => (i === 0 ? first : rest) + line);

/** A line each. */
function effects({ after, broken, outage, convergedInNs, missing, place, notes }: Cure): string[] {
  const rest =
    convergedInNs === undefined ? `still: ${missing}` : `converged in ${formatTime(convergedInNs)}`;
  const cost =
    outage === undefined
      ? []
      : [`while it was made, ${outage.pair} was cut off for ${formatTime(outage.lengthNs)}`];
  const lost = broken.length === 0 ? [] : [`but these talk no more: ${broken.join(', ')}`];
  return [
    `${after.talk} of ${after.all} pairs talk; ${rest}`,
    ...cost,
    ...lost,
    ...notes,
    ...(place === undefined ? [] : [`now it stands at ${place}`]),
  ];
}
