/**
 * Command lines as text, before a shell's parser sees them: prompts that were pasted with them, a trailing `&`, and
 * whether more has to be typed before they are whole.
 */
import { parse } from 'just-bash';

/** A line without the prompt that it was pasted with. */
export interface Typed {
  readonly text: string;
  /** The machine or pod that the prompt names. */
  readonly host: string | undefined;
}

/** `root@k8s-m:~# ` and `(⎈|HomeLab:N/A) root@k8s-m:~# `, as pasted from a post. */
const PROMPT = /^\s*(?:\([^)]*\)\s*)?(?:\[[^\]]*\]\s*)?\w+@([\w.-]+):[^#$\s]*[#$](?:\s+|$)/;
/** `[root@k8s-m ~]# `, as other distributions have it. */
const BRACKETS = /^\s*\[\w+@([\w.-]+) [^\]]*\][#$](?:\s+|$)/;
/** `$ `, and the `/ # ` of small images: of no machine in particular. */
const ANONYMOUS = /^\s*(?:(?:bash|sh)-[\d.]+[#$]|[~/]\S* #|\$) (?=\S)/;
/** What netshoot's shell shows: ` pod1  ~  `. */
const POD_PROMPT = /^\s*([\w.-]+)(?::~[#$]|\s+[~/]\S*\s{2,})\s*/;

export function withoutPrompt(line: string, podName?: string): Typed {
  const match = PROMPT.exec(line) ?? BRACKETS.exec(line);
  if (match !== null) return { text: line.slice(match[0].length), host: match[1] };
  const inside = podName === undefined ? null : POD_PROMPT.exec(line);
  if (inside !== null && inside[1] === podName)
    return { text: line.slice(inside[0].length), host: undefined };
  return { text: line.replace(ANONYMOUS, ''), host: undefined };
}

/** Every quoted part replaced by letters of the same length, so that what is left means what it says. */
function masked(text: string): string {
  return text.replace(/\\.|'[^']*'|"(?:\\.|[^"\\])*"/gs, quoted => 'x'.repeat(quoted.length));
}

/** One program with its words: no pipe, no list, no redirection, no substitution. */
export const standsAlone = (text: string): boolean => !/[|&;<>()`\n]|\$\(/.test(masked(text.trim()));

export interface Parts {
  /** What was followed by a `&`, each to be started in the background. */
  readonly background: readonly string[];
  /** What is left for the foreground. */
  readonly rest: string;
}

/** `tcpdump -i tunl0 & ping X` in its parts. A `&` inside a loop or a group stays where it is. */
export function partsOf(text: string): Parts {
  const background: string[] = [];
  let rest = text;
  for (;;) {
    const match = /(^|[^&>|<])&(?![&>])/.exec(masked(rest));
    if (match === null) return { background, rest };
    const at = match.index + match[1]!.length;
    const first = rest.slice(0, at).trim();
    if (first === '' || !isWhole(first)) return { background, rest };
    background.push(first);
    rest = rest.slice(at + 1);
  }
}

/** False while a quote, a here-document, a pipe or a loop is still open. */
export function isWhole(text: string): boolean {
  if (/(^|[^\\])(\\\\)*\\$/.test(text)) return false;
  const commands = withoutHereDocuments(text);
  if (commands === undefined || /(\||&&)\s*$/.test(masked(commands))) return false;
  try {
    parse(text);
    return true;
  } catch (error) {
    // Anything else that is wrong will not become right by typing on.
    return !/got EOF|unexpected EOF/.test((error as Error).message);
  }
}

/** The lines that are commands; undefined while a here-document has not ended. */
function withoutHereDocuments(text: string): string | undefined {
  const lines = text.split('\n');
  const commands: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    commands.push(line);
    const opened = [...line.matchAll(/<<(-?)\s*(['"]?)([\w.]+)\2/g)].filter(
      match => line[match.index - 1] !== '<' && line[match.index + 2] !== '<',
    );
    for (const [, dash, , word] of opened) {
      do i++;
      while (i < lines.length && (dash === '-' ? lines[i]!.replace(/^\t+/, '') : lines[i]) !== word);
      if (i >= lines.length) return undefined;
    }
  }
  return commands.join('\n');
}

/** A text of many lines as whole command lines. What is open at the end is a command line too. */
export function commandLines(text: string): string[] {
  const found: string[] = [];
  let open = '';
  for (const line of text.split(/\r?\n/)) {
    open = open === '' ? line : `${open}\n${line}`;
    if (isWhole(withoutPrompt(open).text)) {
      if (open.trim() !== '') found.push(open);
      open = '';
    }
  }
  if (open.trim() !== '') found.push(open);
  return found;
}

/** The functions that a line defines, by name, if it does nothing else. */
export function functionsIn(line: string): [name: string, definition: string][] {
  if (!/\(\)|\bfunction\b/.test(line)) return [];
  try {
    const commands = parse(line).statements.flatMap(({ pipelines }) => pipelines.flatMap(p => p.commands));
    const names = commands.map(command => (command.type === 'FunctionDef' ? command.name : undefined));
    return names.every(name => name !== undefined) ? names.map(name => [name, line]) : [];
  } catch {
    return [];
  }
}

/** `time PIPELINE`: the pipeline, and what bash says when it has taken so many nanoseconds. */
export function timedPipeline(
  line: string,
): { readonly rest: string; readonly report: (ns: number) => string } | undefined {
  const match = /^\s*time\s+(-p\s+)?(?=\S)/.exec(line);
  if (match === null || /[;&\n]|\|\|/.test(masked(line))) return undefined;
  const rest = line.slice(match[0].length);
  return { rest, report: match[1] === undefined ? timeReport : timeReportPosix };
}

const timeReportPosix = (ns: number): string => `real ${(ns / 1e9).toFixed(2)}\nuser 0.00\nsys 0.00\n`;

/** What bash's `time` says of so many nanoseconds. */
export function timeReport(ns: number): string {
  const real = `${Math.floor(ns / 60e9)}m${((ns % 60e9) / 1e9).toFixed(3)}s`;
  return `\nreal\t${real}\nuser\t0m0.000s\nsys\t0m0.000s\n`;
}

/** `sleep 1; time ping X`: inside a list the keyword becomes a command, for the shell's own would look at a clock outside. */
export function withTimeAsCommand(line: string): string {
  const starts = [...masked(line).matchAll(/(?:[;&|(]|\bdo|\bthen)\s*(?=time\s)/g)].map(
    match => match.index + match[0].length,
  );
  return starts.reduceRight((text, at) => `${text.slice(0, at)}\\${text.slice(at)}`, line);
}

/** The words of a line that stands alone, quotes taken off. */
export function wordsOf(text: string): string[] {
  const words = text.trim().match(/(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"\\])+/gs) ?? [];
  return words.map(word =>
    word.replace(
      /\\(.)|'([^']*)'|"((?:\\.|[^"\\])*)"/gs,
      (_, plain: string, single: string, double: string) =>
        plain !== undefined ? plain : single !== undefined ? single : double.replace(/\\(["\\$`])/g, '$1'),
    ),
  );
}

/** A word as a shell must be given it. */
export const quote = (word: string): string =>
  /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
