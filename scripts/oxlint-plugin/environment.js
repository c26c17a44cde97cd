import { bannedNames } from './banned-names.js';

export const environment = bannedNames({
  message: 'src/config.ts is the only reader of the environment: take the value from Config.',
  members: ['process.env', 'Bun.env', 'import.meta.env'],
  imports: { process: ['env'], 'node:process': ['env'], bun: ['env'] },
});
