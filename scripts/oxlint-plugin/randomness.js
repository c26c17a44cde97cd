import { bannedNames } from './banned-names.js';

/** Unguessable bytes (`randomBytes`) are not banned: they are named for what they are and secure. */
export const randomness = bannedNames({
  message: 'Identifiers come from src/kernel/id.ts, chance from src/platform/crypto: no other randomness.',
  members: ['Math.random', 'crypto.randomUUID', 'Bun.randomUUIDv5', 'Bun.randomUUIDv7'],
  imports: {
    bun: ['randomUUIDv5', 'randomUUIDv7'],
    crypto: ['randomUUID'],
    'node:crypto': ['randomUUID'],
  },
});
