/** Something a user could change, the way he would: lines for the shell of the first node. */
import type { Scenario } from '../scenario/types.ts';

export interface Candidate {
  /** `ipipMode: CrossSubnet`. */
  readonly change: string;
  readonly commands: readonly string[];
  /** Where the value stands that it replaces: `file:line:column`; undefined when it is in no file. */
  readonly place: string | undefined;
}

/** `calicoctl patch`; `change` says the field and its new value. */
export function patched(
  scenario: Scenario,
  kind: string,
  name: string,
  path: readonly string[],
  value: unknown,
  change: string,
): Candidate {
  const body = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  const type = value === null || Array.isArray(value) ? ' --type=merge' : '';
  return {
    change,
    commands: [`calicoctl patch ${kind.toLowerCase()} ${name}${type} -p ${quoted(JSON.stringify(body))}`],
    place: placeOf(scenario, kind, name, path),
  };
}

/** The line that makes a resource, or makes it so. */
export const applyLine = (object: object, tool: 'calicoctl' | 'kubectl' = 'calicoctl'): string =>
  `echo ${quoted(JSON.stringify(object))} | ${tool} apply -f -`;

export const applied = (object: object, change: string): Candidate => ({
  change,
  commands: [applyLine(object)],
  place: undefined,
});

/** One word for the shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export const typed = (change: string, ...commands: string[]): Candidate => ({
  change,
  commands,
  place: undefined,
});

/** Of a field in the files; undefined when nobody wrote it. */
export function placeOf(
  { resources }: Scenario,
  kind: string,
  name: string,
  path: readonly string[],
): string | undefined {
  const loaded = resources.find(resource => resource.kind === kind && resource.name === name);
  const at = loaded?.fields[path.join('.')];
  return loaded === undefined || at === undefined ? undefined : `${loaded.file}:${at.line}:${at.column}`;
}
