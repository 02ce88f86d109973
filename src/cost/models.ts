/** The host models that ship, by name. */
import type { HostModel } from './host-model.ts';
import { daocloud } from './models/daocloud.ts';
import { ideal } from './models/ideal.ts';
import { infrabuilder2020k54, infrabuilder2020k415 } from './models/infrabuilder-2020.ts';
import { infrabuilder2024 } from './models/infrabuilder-2024.ts';

export const HOST_MODELS: readonly HostModel[] = [
  ideal,
  infrabuilder2020k415,
  infrabuilder2020k54,
  infrabuilder2024,
  daocloud,
];

export const hostModel = (name: string): HostModel | undefined =>
  HOST_MODELS.find(model => model.name === name);
