/** All conformance cases. Written for this project; the lists they were made after are those of the RFCs and of packetdrill. */
import { fixture } from '../../../kit.ts';
import { casesOf } from './script.ts';

export const cases = ['states', 'options', 'windows', 'losses', 'errors', 'ecn'].flatMap(name =>
  casesOf(fixture(`tcp/conformance/${name}.txt`).toString()),
);
