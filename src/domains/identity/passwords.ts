/**
 * Passwords at rest: argon2id (RFC 9106) with 19 MiB, two passes, one lane. Hashing runs off the
 * request loop, a few at a time, so that a burst of sign-ins cannot take memory and processors from
 * everyone else; when the queue is full the server says so.
 */
import { availableParallelism } from 'node:os';
import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { createTurns } from '../../kernel/turns.ts';
import type { Ctx } from '../../platform/context.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseIdentity } from './errors.ts';
import { isGuessedPassword } from './guessed-passwords.ts';
import { commonPasswords } from './password-list.ts';
import type { PersonName } from './profile.ts';
import { normalisePassword } from './rules.ts';

const MEMORY_KIB = 19_456;
const PASSES = 2;
/** One processor is always left to the loop that answers requests. */
const AT_ONCE = Math.max(1, availableParallelism() - 1);
/** On two processors the last of them waits for about ten seconds, well within what a connection may idle. */
const MAX_WAITING = 500;
const PRODUCT_NAME = 'Plimsoll';

const inTurn = createTurns(AT_ONCE, {
  max: MAX_WAITING,
  full: () => refuse('busy', { headers: { 'retry-after': '2' } }),
});

/** @errors busy */
export async function hashPassword(password: string): Promise<string> {
  return inTurn(() =>
    hash(normalisePassword(password), {
      // The package declares a const enum, which isolated modules cannot read: 2 is argon2id.
      algorithm: 2 as Algorithm,
      memoryCost: MEMORY_KIB,
      timeCost: PASSES,
      parallelism: 1,
    }),
  );
}

/**
 * Compares a password with a hash; without one it does the same work against a hash nobody can meet,
 * so that time does not tell which e-mail addresses are known.
 * @errors busy
 */
export async function verifyPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
  const against = passwordHash ?? (await unmeetableHash());
  const right = await inTurn(() => verify(against, normalisePassword(password)));
  return right && passwordHash !== undefined;
}

/** Whose password it is to be; no password is made of what a guesser knows of them. */
export type PasswordOwner = Partial<PersonName> & { readonly email: string };

/**
 * Refuses a password that guessing would try early.
 * @errors password_too_common
 */
export async function requireStrongPassword(
  ctx: Ctx,
  password: string,
  owner: PasswordOwner,
  pointer: '/password' | '/newPassword',
): Promise<void> {
  const normalised = normalisePassword(password);
  const words = [ctx.deps.firmName, PRODUCT_NAME, owner.email, owner.firstName ?? '', owner.lastName ?? ''];
  if (isGuessedPassword(normalised, { common: await commonPasswords(), words })) {
    throw refuseIdentity('password_too_common', {
      errors: [{ pointer, code: 'password_too_common', detail: 'is among those guessed first' }],
    });
  }
}

let unmeetable: Promise<string> | undefined;

function unmeetableHash(): Promise<string> {
  unmeetable ??= hashPassword(Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64'));
  return unmeetable;
}
