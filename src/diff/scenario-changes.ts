/** What differs in two scenario files themselves: fabric, versions, sysctls, pods. Steps and cells do not count. */
import { parseDocuments, type SourceDocument, valueAt } from '../scenario/document.ts';
import { readText } from '../scenario/files.ts';
import { Problems } from '../scenario/problem.ts';
import { type FieldChange, fieldChanges } from './resource-changes.ts';

/** What says nothing about the network, or is compared on its own. */
const LEFT_OUT: ReadonlySet<string> = new Set(['resources', 'steps', 'bench']);

/** Both files have been loaded, so they can be read and are YAML. */
export function scenarioChanges(before: string, after: string): FieldChange[] {
  if (before === after) return [];
  const [a, b] = [documentOf(before), documentOf(after)];
  return fieldChanges(specOf(a), specOf(b)).map(change => {
    const path = ['spec', ...change.path];
    const document = valueAt(b.data, path) === undefined ? a : b;
    const { line, column } = document.valuePosition(path);
    return { ...change, place: `${document.source.file}:${line}:${column}` };
  });
}

function documentOf(file: string): SourceDocument {
  const read = readText(file);
  const [document] = read.ok ? parseDocuments({ file, text: read.text }, new Problems()) : [];
  if (document === undefined) throw new Error(`${file} was a scenario a moment ago`);
  return document;
}

function specOf(document: SourceDocument): Record<string, unknown> {
  const spec = valueAt(document.data, ['spec']) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(spec).filter(([key]) => !LEFT_OUT.has(key)));
}
