import { expect, test } from 'bun:test';
import type { Connection } from './client.ts';
import { deriveLoginPassword, LOGINS, sandboxConnections } from './sandbox-logins.ts';

const owner: Connection = {
  host: 'db',
  port: 5432,
  database: 'plimsoll',
  username: 'me',
  password: 's3cret',
  tls: 'require',
};

test('each login has a password of its own, the same at every start, that changes with the owner', () => {
  const passwords = LOGINS.map((login) => deriveLoginPassword(owner, login));
  const changed = LOGINS.map((login) => deriveLoginPassword({ ...owner, password: 'other' }, login));
  expect(LOGINS.map((login) => deriveLoginPassword(owner, login))).toEqual(passwords);
  expect(new Set([...passwords, ...changed]).size).toBe(2 * LOGINS.length);
});

test('a derived password needs no quoting in SQL and does not contain the owner password', () => {
  for (const login of LOGINS) {
    expect(deriveLoginPassword(owner, login)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  }
});

test('the logins reach the same place as the owner, and never with the password of the owner', () => {
  const { app } = sandboxConnections(owner);
  expect(app).toEqual({
    ...owner,
    username: 'plimsoll_app',
    password: deriveLoginPassword(owner, 'app') ?? '',
  });
  expect(app.password).not.toBe(owner.password);
});

test('behind a socket that trusts, no login has a password', () => {
  const { password: _none, ...trusted } = owner;
  expect(Object.values(sandboxConnections(trusted)).some((login) => 'password' in login)).toBe(false);
});
