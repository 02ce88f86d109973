/**
 * `kubectl explain KIND[.FIELD…]`: the fields of a kind as the lab reads them, in kubectl's plain layout (recorded with
 * kubectl 1.32 against a schema without descriptions). Calico's kinds are written in one piece, so that their inner
 * types have no names; those of Kubernetes are called as in Go.
 */
import { KINDS, type KindInfo, kubernetesShape } from '../../../calico/resources/kinds.ts';
import type { Shape } from '../../../calico/resources/shape.ts';
import { failed, printed, type ShellResult } from '../../command.ts';
import type { Parsed } from '../../options.ts';
import { kindOf } from './target.ts';

const CRD_API = 'crd.projectcalico.org/v1';

export async function explain({ words, flags }: Parsed): Promise<ShellResult> {
  const [word, ...more] = words;
  if (word === undefined)
    return failed(
      'error: You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of supported resources.\n',
    );
  if (more.length > 0) return failed('error: We accept only this format: explain RESOURCE\n');
  const output = flags.get('output') ?? 'plaintext';
  if (output !== 'plaintext')
    return failed(`kubectl explain --output ${output}: not emulated in this lab\n`, 2);
  const [name = '', ...rest] = word.replace(/\.$/, '').split('.');
  const kind = kindOf(name, 'explain');
  // Here kubectl leaves its usual `error: ` out.
  if (typeof kind !== 'string') return { ...kind, stderr: kind.stderr.replace(/^error: /, '') };
  const info = KINDS[kind];
  const [version, group = ''] = info.apiVersions.at(-1)!.split('/').reverse();
  const asked = flags.get('api-version') ?? info.apiVersions.at(-1)!;
  if (asked !== info.apiVersions.at(-1)) {
    const text = asked.includes('/') ? asked : `/${asked}`;
    return failed(`error: couldn't find resource for "${text}, Resource=${info.plural}"\n`);
  }
  const path = withoutGroup(rest, group);
  const head = `${group === '' ? '' : `GROUP:      ${group}\n`}KIND:       ${kind}\nVERSION:    ${version}\n\n`;
  const shape = at(kubernetesShape(kind), path);
  if ('missing' in shape)
    return shape.kept || (shape.isAny && !info.strict)
      ? failed(
          `kubectl explain ${word}: ${shape.missing} is kept as it is, but not emulated in this lab\n`,
          2,
        )
      : { stdout: head, stderr: `error: field "${shape.missing}" does not exist\n`, exitCode: 1 };
  const field = path.length === 0 ? '' : `FIELD: ${path.at(-1)} <${typeName(shape, info)}>\n\n\n`;
  return printed(
    `${head}${field}DESCRIPTION:\n    <empty>\n${fieldList(shape, info, flags.has('recursive'))}\n`,
  );
}

/** `ippools.crd.projectcalico.org.spec`: what follows the resource's full name. */
function withoutGroup(path: readonly string[], group: string): readonly string[] {
  const words = group.split('.');
  return group !== '' && words.every((word, i) => path[i] === word) ? path.slice(words.length) : path;
}

interface Missing {
  readonly missing: string;
  /** In a struct whose other fields are kept. */
  readonly kept: boolean;
  /** In something that has no shape. */
  readonly isAny: boolean;
}

function at(top: Shape, path: readonly string[]): Shape | Missing {
  let shape = top;
  for (const name of path) {
    const inner = element(shape);
    const fields = inner.is === 'object' ? inner.fields : {};
    const next = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (next === undefined)
      return { missing: name, kept: inner.is === 'object' && inner.open, isAny: inner.is === 'any' };
    shape = next;
  }
  return shape;
}

/** Of a list its elements: a path goes through them unseen. */
const element = (shape: Shape): Shape => (shape.is === 'list' ? element(shape.of) : shape);

function typeName(shape: Shape, info: KindInfo): string {
  switch (shape.is) {
    case 'string':
      return 'string';
    case 'bool':
      return 'boolean';
    case 'int':
    case 'asNumber':
      return 'integer';
    case 'any':
      return 'Object';
    case 'list':
      return `[]${typeName(shape.of, info)}`;
    case 'map':
      return `map[string]${typeName(shape.of, info)}`;
    case 'object':
      return isNamed(shape.go, info) ? shape.go : 'Object';
  }
}

const isNamed = (go: string, info: KindInfo): boolean =>
  info.apiVersions.at(-1) !== CRD_API || go === 'ObjectMeta';

const sortedFields = (shape: Shape): readonly (readonly [name: string, shape: Shape])[] => {
  const inner = element(shape);
  return inner.is === 'object' ? Object.entries(inner.fields).sort(([a], [b]) => (a < b ? -1 : 1)) : [];
};

function fieldList(shape: Shape, info: KindInfo, recursive: boolean): string {
  const fields = sortedFields(shape);
  if (fields.length === 0) return '';
  if (recursive) return `FIELDS:\n${tree(shape, info, '  ')}`;
  return `FIELDS:\n${fields
    .map(([name, inner]) => `  ${name}\t<${typeName(inner, info)}>\n    <no description>\n\n`)
    .join('')}`;
}

const tree = (shape: Shape, info: KindInfo, indent: string): string =>
  sortedFields(shape)
    .map(
      ([name, inner]) => `${indent}${name}\t<${typeName(inner, info)}>\n${tree(inner, info, `${indent}  `)}`,
    )
    .join('');
