/** The programs that run on a machine, by the number the outside gave them. */
import type { Namespace } from '../netstack/namespace.ts';
import type { ExitRecord, OutputRecord } from '../trace/record.ts';
import { BulkSink, BulkSource } from '../traffic/bulk.ts';
import { UdpSink, UdpSource } from '../traffic/datagrams.ts';
import { Flow } from '../traffic/flow.ts';
import { IperfClient } from '../traffic/iperf-client.ts';
import { parseIperf } from '../traffic/iperf-options.ts';
import { IperfServer } from '../traffic/iperf-server.ts';
import { Mtr, parseMtr } from '../traffic/mtr.ts';
import { OptionError } from '../traffic/options.ts';
import { Ping } from '../traffic/ping.ts';
import { parsePing } from '../traffic/ping-options.ts';
import { Probe } from '../traffic/probe.ts';
import { type Program, type ProgramContext, UsageError } from '../traffic/program.ts';
import { parseTracepath, Tracepath } from '../traffic/tracepath.ts';
import { Traceroute } from '../traffic/traceroute.ts';
import { parseTraceroute } from '../traffic/traceroute-options.ts';
import { TransactionClient, TransactionServer } from '../traffic/transactions.ts';
import { TransferClient, TransferServer } from '../traffic/transfer.ts';
import type { ProgramSpec } from './command.ts';

type Report = (record: OutputRecord | ExitRecord) => void;

interface Running {
  readonly program: Program;
  readonly namespace: Namespace;
}

export class ProgramTable {
  readonly #report: Report;
  readonly #running = new Map<number, Running>();

  constructor(report: Report) {
    this.#report = report;
  }

  start(id: number, namespace: Namespace, what: ProgramSpec): void {
    let program: Program;
    try {
      program = this.#make(id, namespace, what);
    } catch (error) {
      if (!(error instanceof UsageError) && !(error instanceof OptionError)) throw error;
      const failed = !(error instanceof UsageError) || error.exitCode !== 0;
      const stream = failed ? 'stderr' : 'stdout';
      this.#report({ type: 'output', program: id, stream, text: `${error.message}\n` });
      this.#report({ type: 'exit', program: id, code: error instanceof UsageError ? error.exitCode : 2 });
      return;
    }
    this.#running.set(id, { program, namespace });
    program.start();
  }

  /** Ctrl-C. A program that has ended does not mind. */
  signal(id: number): void {
    this.#running.get(id)?.program.stop('SIGINT');
  }

  /** The machine loses its power, or the pod is gone: no last words. */
  kill(inside: (namespace: Namespace) => boolean = () => true): void {
    for (const [id, { program, namespace }] of [...this.#running]) {
      if (!inside(namespace)) continue;
      program.stop(program instanceof Probe ? 'SIGTERM' : 'SIGKILL');
      if (this.#running.delete(id)) this.#report({ type: 'exit', program: id, code: 137 });
    }
  }

  /** For a machine without power: whoever asked hears that there is nobody. */
  refuse(id: number, what: ProgramSpec, text: string): void {
    const result = what.program === 'probe' ? { answered: false, rtt: 0, ttl: 0, error: text } : undefined;
    this.#report({ type: 'output', program: id, stream: 'stderr', text: `${text}\n` });
    this.#report({ type: 'exit', program: id, code: 255, result });
  }

  #make(id: number, namespace: Namespace, what: ProgramSpec): Program {
    const silent = (code: number, result: unknown): void => {
      this.#running.delete(id);
      this.#report({ type: 'exit', program: id, code, result });
    };
    if (what.program === 'probe')
      return new Probe(namespace, what, result => silent(result.answered ? 0 : 1, result));
    if (what.program === 'transfer')
      return new TransferClient(namespace, what, result => silent(result.error === '' ? 0 : 1, result));
    const hosts = ('hosts' in what ? what.hosts : undefined) ?? {};
    const resolve = (name: string) => (Object.hasOwn(hosts, name) ? hosts[name] : undefined);
    const epochMs = 'epochMs' in what ? what.epochMs : undefined;
    const hostname = 'hostname' in what ? what.hostname : undefined;
    const about = { ...(epochMs !== undefined && { epochMs }), ...(hostname !== undefined && { hostname }) };
    const context = { namespace, tag: 0, resolve, ...about };
    const program = this.#talking(context, what);
    program.onLine = (line, stream) => {
      this.#report({ type: 'output', program: id, stream, text: `${line}\n` });
    };
    program.onExit = code => {
      this.#running.delete(id);
      const { result } = program;
      this.#report({ type: 'exit', program: id, code, ...(result !== undefined && { result }) });
    };
    return program;
  }

  /** A program with a command line, or one that serves. */
  #talking(context: ProgramContext, what: Exclude<ProgramSpec, { program: 'probe' | 'transfer' }>): Program {
    switch (what.program) {
      case 'ping':
        return new Ping(context, parsePing(what.args));
      case 'traceroute':
        return new Traceroute(context, parseTraceroute(what.args));
      case 'tracepath':
        return new Tracepath(context, parseTracepath(what.args));
      case 'mtr':
        return new Mtr(context, parseMtr(what.args));
      case 'iperf3': {
        const options = parseIperf(what.args);
        return options.server ? new IperfServer(context, options) : new IperfClient(context, options);
      }
      case 'flow':
        return new Flow({ ...context, tag: what.tag }, what);
      case 'transfer-server':
        return new TransferServer(context.namespace, what);
      case 'bulk-source':
        return new BulkSource(context, what);
      case 'bulk-sink':
        return new BulkSink(context, what);
      case 'udp-source':
        return new UdpSource(context, what);
      case 'udp-sink':
        return new UdpSink(context, what);
      case 'transaction-client':
        return new TransactionClient(context, what);
      case 'transaction-server':
        return new TransactionServer(context, what);
    }
  }
}
