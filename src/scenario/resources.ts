/** The resource files of a scenario: real Calico and Kubernetes YAML, checked for form and for the nodes they name. */
import { basename, join, normalize } from 'node:path';
import { KINDS, type Kind } from '../calico/resources/kinds.ts';
import { type Path, parseDocuments, type SourceDocument, valueAt } from './document.ts';
import { Faults } from './faults.ts';
import { isScenarioText, readText, readWithin, yamlBelow } from './files.ts';
import { didYouMean } from './nearest.ts';
import { dotted, type Problems } from './problem.ts';
import { show } from './schema-kit.ts';
import type { LoadedResource, ResourceProblem, ResourceValidator } from './types.ts';

export const RESOURCE_LIMIT = 20_000;

/** What a file may hold. Blocks with their affinities: the state of an IPAM that was saved; handles follow from pods. */
const LOADABLE: readonly Kind[] = [
  'IPPool',
  'BGPConfiguration',
  'BGPPeer',
  'BGPFilter',
  'FelixConfiguration',
  'IPAMConfiguration',
  'IPReservation',
  'BlockAffinity',
  'IPAMBlock',
  'Node',
  'Namespace',
  'Pod',
  'ServiceAccount',
  'Deployment',
];

/** Real kinds that are refused by name, so that nobody believes they had an effect. */
const NOT_EMULATED: ReadonlySet<string> = new Set([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'NetworkSet',
  'GlobalNetworkSet',
  'HostEndpoint',
  'Profile',
  'Tier',
  'Service',
  'Endpoints',
  'Ingress',
  'DaemonSet',
  'StatefulSet',
  'ReplicaSet',
  'Job',
  'CronJob',
  'ConfigMap',
  'Secret',
  'ClusterInformation',
  'KubeControllersConfiguration',
  'IPAMHandle',
  'WorkloadEndpoint',
]);

interface Origin {
  readonly faults: Faults;
  readonly path: Path;
}

export class ResourceLoader {
  readonly resources: LoadedResource[] = [];
  /** The text of each file that was read, by base name. */
  readonly files: Record<string, string> = {};
  readonly #problems: Problems;
  readonly #nodes: ReadonlySet<string>;
  readonly #origins = new Map<LoadedResource, Origin>();
  readonly #seen = new Map<string, LoadedResource>();
  /** A folder has been read: what comes now only completes it. */
  #completes = false;

  constructor(nodes: ReadonlySet<string>, problems: Problems) {
    this.#nodes = nodes;
    this.#problems = problems;
  }

  /** Read the files named by `paths`. `shown` is the scenario's folder as the user wrote it. */
  load(paths: readonly string[], directory: string, shown: string, scenario: Faults): void {
    const read = new Set<string>();
    for (const [i, path] of paths.entries()) {
      const at = ['spec', 'resources', i];
      const key = normalize(path);
      if (read.has(key)) {
        scenario.at(at, 'RESOURCE_DUPLICATE', `${path} is listed twice`);
        continue;
      }
      read.add(key);
      const file = readWithin(directory, path);
      if (!file.ok)
        scenario.at(at, file.code, `${path} ${file.message}`.replace('no such', 'is missing: no such'));
      else {
        this.files[basename(path)] = file.text;
        this.#file({ file: join(shown, path), text: file.text });
      }
    }
  }

  /**
   * Read every YAML file below `folder`, sorted, but for scenarios. What `load` reads afterwards only completes it: of
   * Calico's kinds nothing, of Kubernetes' what is not there yet.
   */
  loadFolder(folder: string): void {
    const files = yamlBelow(folder);
    const count = this.resources.length;
    for (const file of files) {
      const read = readText(file);
      if (!read.ok) {
        this.#problems.add({ file, text: '' }, { line: 1, column: 1 }, '', read.code, read.message);
      } else if (!isScenarioText(read.text)) {
        this.files[basename(file)] = read.text;
        this.#file({ file, text: read.text });
      }
    }
    if (this.resources.length === count && this.#problems.list.length === 0) {
      const message = 'there is no resource below this folder';
      this.#problems.add({ file: folder, text: '' }, { line: 1, column: 1 }, '', 'RESOURCE_FORM', message);
    }
    this.#completes = true;
  }

  /** Let `validate` judge all that was loaded, and put its findings where they belong. */
  validate(validate: ResourceValidator): void {
    for (const { resource, path, message } of validate(this.resources))
      this.#invalid({ resource, path, message });
  }

  #invalid({ resource, path, message }: ResourceProblem): void {
    const origin = this.#origins.get(resource);
    if (origin === undefined)
      throw new Error(`the validator named a resource that was not loaded: ${resource.name}`);
    const { document } = origin.faults;
    const full = [...origin.path, ...path];
    const present = valueAt(document.data, full) !== undefined;
    const position = present ? document.valuePosition(full) : document.keyPosition(full);
    this.#problems.add(
      document.source,
      position,
      dotted(path, { keepSpec: true }),
      'RESOURCE_INVALID',
      message,
    );
  }

  #file(source: { file: string; text: string }): void {
    const before = this.#problems.list.length;
    const documents = parseDocuments(source, this.#problems).filter(document => document.data !== null);
    if (documents.length === 0 && this.#problems.list.length === before) {
      this.#problems.add(
        source,
        { line: 1, column: 1 },
        '',
        'RESOURCE_FORM',
        'there is no resource in this file',
      );
    }
    for (const document of documents)
      this.#document(document, new Faults(document, this.#problems, { keepSpec: true }), []);
  }

  #document(document: SourceDocument, faults: Faults, path: Path): void {
    const value = valueAt(document.data, path);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      faults.at(path, 'RESOURCE_FORM', `expected a resource, got ${show(value)}`);
      return;
    }
    const object = value as Record<string, unknown>;
    const { kind, apiVersion } = object;
    if (kind === 'List' && Array.isArray(object['items'])) {
      for (const i of object['items'].keys()) this.#document(document, faults, [...path, 'items', i]);
      return;
    }
    const nameless = (['apiVersion', 'kind'] as const).find(key => typeof object[key] !== 'string');
    if (nameless !== undefined) {
      const given = object[nameless];
      if (given === undefined) faults.atKey(path, 'RESOURCE_FORM', `missing key "${nameless}"`);
      else faults.at([...path, nameless], 'RESOURCE_FORM', `expected text, got ${show(given)}`);
      return;
    }
    if (!this.#checkKind(String(kind), String(apiVersion), faults, path)) return;
    const metadata = object['metadata'] as Record<string, unknown> | undefined;
    const name = metadata?.['name'];
    if (typeof name !== 'string' || name === '') {
      const at = [...path, 'metadata', 'name'];
      const message =
        name === undefined ? 'missing key "metadata.name"' : `expected a name, got ${show(name)}`;
      if (name === undefined) faults.atKey(at, 'RESOURCE_FORM', message);
      else faults.at(at, 'RESOURCE_FORM', message);
      return;
    }
    const given = metadata?.['namespace'];
    if (given !== undefined && typeof given !== 'string') {
      faults.at([...path, 'metadata', 'namespace'], 'RESOURCE_FORM', `expected a name, got ${show(given)}`);
      return;
    }
    const namespace = KINDS[kind as Kind].namespaced ? (given ?? 'default') : undefined;
    this.#keep(
      {
        file: document.source.file,
        position: faults.position(path),
        apiVersion: String(apiVersion),
        kind: String(kind),
        name,
        namespace,
        object,
        fields: document.fields(path),
      },
      { faults, path },
    );
  }

  #checkKind(kind: string, apiVersion: string, faults: Faults, path: Path): boolean {
    const known = LOADABLE.find(each => each === kind);
    if (known === undefined) {
      const message = NOT_EMULATED.has(kind)
        ? `kind ${kind} is not emulated`
        : `unknown kind "${kind}"${didYouMean(kind, LOADABLE)}`;
      faults.at([...path, 'kind'], 'RESOURCE_KIND', message);
      return false;
    }
    const { apiVersions } = KINDS[known];
    if (apiVersions.includes(apiVersion)) return true;
    const message = `kind ${kind} needs ${apiVersions.join(' or ')}, got "${apiVersion}"`;
    faults.at([...path, 'apiVersion'], 'RESOURCE_KIND', message);
    return false;
  }

  #keep(resource: LoadedResource, origin: Origin): void {
    const { kind, name, namespace, apiVersion } = resource;
    const { faults, path } = origin;
    const id = [apiVersion, kind, namespace, name].join(' ');
    const earlier = this.#seen.get(id);
    if (this.#completes && (earlier !== undefined || KINDS[kind as Kind].calico)) return;
    if (earlier !== undefined) {
      const where = `${earlier.file}:${earlier.position.line}`;
      faults.at(
        [...path, 'metadata', 'name'],
        'RESOURCE_DUPLICATE',
        `${kind} ${name} is already defined at ${where}`,
      );
      return;
    }
    if (this.resources.length === RESOURCE_LIMIT) {
      faults.at(path, 'SCENARIO_TOO_MANY', `more than ${RESOURCE_LIMIT} resources`);
    }
    this.#seen.set(id, resource);
    this.#origins.set(resource, origin);
    this.resources.push(resource);
    this.#checkNodes(resource, origin);
  }

  /** A pod on a node that is not there would stay Pending for ever, and a Node without a machine would be a ghost. */
  #checkNodes({ kind, object }: LoadedResource, { faults, path }: Origin): void {
    const place =
      kind === 'Pod'
        ? ['spec', 'nodeName']
        : kind === 'Deployment'
          ? ['spec', 'template', 'spec', 'nodeName']
          : kind === 'Node'
            ? ['metadata', 'name']
            : undefined;
    if (place === undefined) return;
    const node = valueAt(object, place);
    if (node === undefined || (typeof node === 'string' && this.#nodes.has(node))) return;
    const message = `unknown node ${show(node)}${didYouMean(String(node), this.#nodes)}`;
    faults.at([...path, ...place], 'SCENARIO_UNKNOWN_NAME', message);
  }
}
