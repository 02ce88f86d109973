/** `tunlab schema`: the JSON Schema of scenario files. */
import { scenarioJsonSchema } from '../../scenario/json-schema.ts';
import type { SchemaOptions } from '../command-table.ts';
import type { Io } from '../io.ts';

export async function schema(_args: SchemaOptions, io: Io): Promise<number> {
  io.stdout.write(scenarioJsonSchema());
  return 0;
}
