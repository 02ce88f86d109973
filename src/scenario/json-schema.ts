/** `scenarios/scenario.schema.json`: the form of a scenario for editors, made from the same schema that checks it. */
import { z } from 'zod';
import { scenarioSchema } from './schema.ts';

/** JSON Schema draft 2020-12, as the text of the file that ships. */
export function scenarioJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(scenarioSchema, { io: 'input' }), null, 2)}\n`;
}
