/** `hostname`. */
import { type Command, printed } from '../command.ts';

export const hostname: Command = async (_args, { place }) => printed(`${place.hostname}\n`);
