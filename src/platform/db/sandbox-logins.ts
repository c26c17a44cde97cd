/**
 * In the sandbox one owner's login is configured and the three runtime logins follow from it. Their
 * passwords are HMACs of the owner's: nothing further to store, and no weaker than the owner's own, which
 * could set them anyway. Production configures each login by itself and never comes here.
 */
import { createHmac } from 'node:crypto';
import postgres from 'postgres';
import { type Connection, type Login, openClient } from './client.ts';

export const LOGINS: readonly Login[] = ['app', 'staff', 'engine'];

// Any fixed number: 'PLIM' and a key of its own, beside the claim and presence locks.
const PASSWORD_LOCK = { space: 0x50_4c_49_4d, key: 3 };

/** The password of a runtime login; undefined when the owner has none, as on the embedded server's socket. */
export function deriveLoginPassword(owner: Connection, login: Login): string | undefined {
  if (owner.password === undefined) {
    return undefined;
  }
  return createHmac('sha256', owner.password).update(`plimsoll sandbox login ${login}`).digest('base64url');
}

/** How each runtime login reaches the owner's database. */
export function sandboxConnections(owner: Connection): Readonly<Record<Login, Connection>> {
  return { app: loginFor(owner, 'app'), staff: loginFor(owner, 'staff'), engine: loginFor(owner, 'engine') };
}

/**
 * Gives the runtime logins, which the migrations made, the passwords derived for them.
 * @effects ALTER ROLE for each login that cannot connect yet; roles belong to the whole server
 * @errors Error when the owner may not alter a login that another owner made
 */
export async function ensureSandboxPasswords(owner: Connection): Promise<void> {
  if (owner.password === undefined) {
    return;
  }
  const sql = openClient(owner, 1);
  try {
    await sql`SELECT pg_advisory_lock(${PASSWORD_LOCK.space}::int, ${PASSWORD_LOCK.key}::int)`;
    for (const login of LOGINS) {
      if (!(await connects(loginFor(owner, login)))) {
        await setPassword(sql, owner, login);
      }
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function loginFor(owner: Connection, login: Login): Connection {
  const { password: _owners, ...place } = owner;
  const password = deriveLoginPassword(owner, login);
  return { ...place, username: `plimsoll_${login}`, ...(password === undefined ? {} : { password }) };
}

async function connects(connection: Connection): Promise<boolean> {
  const sql = openClient(connection, 1);
  try {
    await sql`SELECT 1`;
    return true;
  } catch (error) {
    // Class 28: the password is wrong or missing. Anything else is no reason to change it.
    if (error instanceof postgres.PostgresError && error.code.startsWith('28')) {
      return false;
    }
    throw error;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function setPassword(sql: postgres.Sql, owner: Connection, login: Login): Promise<void> {
  const role = `plimsoll_${login}`;
  // ALTER ROLE takes no parameters; the derived alphabet (base64url) holds no quote.
  const password = deriveLoginPassword(owner, login) ?? '';
  try {
    await sql.unsafe(`ALTER ROLE ${role} PASSWORD '${password}'`);
  } catch (error) {
    if (error instanceof postgres.PostgresError && error.code === '42501') {
      throw new Error(
        `${owner.username} may not set the password of ${role}, which another login made: ` +
          'use one owner per PostgreSQL server in the sandbox, or a superuser',
      );
    }
    throw error;
  }
}
