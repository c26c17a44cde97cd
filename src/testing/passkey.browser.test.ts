/**
 * Passkeys as people meet them: a real Chromium with a virtual authenticator makes and uses them on a page
 * of the server's own origin, through the browser's own JSON forms and the HTTP API.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { createApp } from '../app.ts';
import { authenticate, identityDomain } from '../domains/identity/index.ts';
import { newId } from '../kernel/id.ts';
import { type Foundation, startFoundation } from './foundation.ts';
import { PASSWORD } from './identity-desk.ts';
import type { Answer } from './send.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
];

/** What a front end of ours would do, in the browser's own terms. */
const PAGE = `<!doctype html><title>Passkeys</title><script>
  async function call(method, path, body, token) {
    const headers = { ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: 'Bearer ' + token }) };
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? '' : JSON.parse(text) };
  }
  async function make(options) {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return (await navigator.credentials.create({ publicKey })).toJSON();
  }
  async function use(options) {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  }
</script>`;

/** A machine without Chromium says so and goes on; where the result counts, it must be there. */
const canRun = existsSync(CHROMIUM);
if (!canRun && process.env.CI) {
  throw new Error(`${CHROMIUM} is missing, and the passkey test needs it`);
}
if (!canRun) {
  console.warn(`NOT RUN: the passkey test in a real browser, because ${CHROMIUM} is missing`);
}

let foundation: Foundation;
let server: Bun.Server<undefined>;
let userDataDir: string;
let browser: BrowserContext;
let page: Page;
let devtools: CDPSession;
let authenticatorId: string;

async function start(): Promise<void> {
  foundation = await startFoundation(import.meta.file, [identityDomain]);
  let app: Hono | undefined;
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, bun) =>
      new URL(request.url).pathname === '/'
        ? new Response(PAGE, { headers: { 'content-type': 'text/html' } })
        : (app?.fetch(request, { server: bun }) ?? new Response(null, { status: 503 })),
  });
  const deps = { ...foundation.deps, publicUrl: `http://localhost:${server.port}` };
  app = createApp(deps, {
    domains: [identityDomain],
    platformEndpoints: [],
    authenticate,
    clientAddress: () => '127.0.0.1',
  });
  userDataDir = await mkdtemp(join(tmpdir(), 'plimsoll-chromium-'));
  browser = await chromium.launchPersistentContext(userDataDir, {
    executablePath: CHROMIUM,
    args: FLAGS,
    headless: true,
  });
}

async function stop(): Promise<void> {
  await browser.close();
  await rm(userDataDir, { recursive: true, force: true });
  await server.stop(true);
  await foundation.close();
}

/** A page of its own, with an authenticator that holds nothing yet. */
async function openPage(): Promise<void> {
  page = await browser.newPage();
  await page.goto(`http://localhost:${server.port}/`);
  devtools = await browser.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  } as const;
  ({ authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options }));
}

function inPage<Result>(name: string, ...args: unknown[]): Promise<Result> {
  const given = args.map((arg) => JSON.stringify(arg) ?? 'undefined').join(', ');
  return page.evaluate<Result>(`${name}(${given})`);
}

function call(method: string, path: string, body?: unknown, token?: string) {
  return inPage<Pick<Answer, 'status' | 'body'>>('call', method, path, body, token);
}

/** Registers, verifies and signs in with the password. */
async function newcomer(): Promise<{ readonly email: string; readonly token: string }> {
  const email = `${newId()}@example.mu`;
  const person = { email, password: PASSWORD, firstName: 'Anjali', lastName: 'Ramgoolam' };
  const { body } = await call('POST', '/v1/auth/register', person);
  await call('POST', '/v1/auth/email/verify', { token: body.sandbox.emailToken });
  const signedIn = await call('POST', '/v1/auth/login', { email, password: PASSWORD });
  return { email, token: signedIn.body.accessToken };
}

async function addPasskey(token: string) {
  const { body: options } = await call('POST', '/v1/me/passkeys/options', undefined, token);
  return call('POST', '/v1/me/passkeys', { name: 'Laptop', response: await inPage('make', options) }, token);
}

async function assertion(purpose: 'sign_in' | 'step_up') {
  const { body: options } = await call('POST', '/v1/auth/passkey/options', { purpose });
  return inPage('use', options);
}

describe.if(canRun)('in Chromium, a passkey', () => {
  beforeAll(start, 60_000);
  afterAll(stop, 30_000);
  beforeEach(openPage);
  afterEach(() => page.close());

  test('is made and signs in by itself, as two factors', async () => {
    const { token, email } = await newcomer();
    const added = await addPasskey(token);
    expect([added.status, added.body.name, added.body.transports]).toEqual([201, 'Laptop', ['internal']]);
    expect(added.body.recoveryCodes).toHaveLength(10);
    const kept = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    expect(kept.credentials.map((each) => [each.rpId, each.isResidentCredential])).toEqual([
      ['localhost', true],
    ]);
    const response = await assertion('sign_in');
    const signedIn = await call('POST', '/v1/auth/passkey/login', { response });
    expect(signedIn.status).toBe(200);
    const bearer = signedIn.body.accessToken;
    expect((await call('GET', '/v1/me', undefined, bearer)).body.email).toBe(email);
    expect((await call('POST', '/v1/me/mfa/recovery-codes', undefined, bearer)).status).toBe(201);
  });

  test('stands beside the password, and steps a session up', async () => {
    const { email, token } = await newcomer();
    const { body: passkey } = await addPasskey(token);
    const credentials = { email, password: PASSWORD };
    const half = await call('POST', '/v1/auth/login', credentials);
    expect(half.body).toEqual({ mfaRequired: true, factors: ['passkey', 'recovery_code'] });
    const full = await call('POST', '/v1/auth/login', {
      ...credentials,
      passkey: await assertion('sign_in'),
    });
    expect(full.body.mfaRequired).toBe(false);
    const stepped = await call(
      'POST',
      '/v1/auth/step-up',
      { passkey: await assertion('step_up') },
      full.body.accessToken,
    );
    expect(stepped.status).toBe(200);
    const path = `/v1/me/passkeys/${passkey.id}`;
    expect((await call('DELETE', path, undefined, stepped.body.accessToken)).status).toBe(204);
    const late = await call('POST', '/v1/auth/passkey/login', { response: await assertion('sign_in') });
    expect([late.status, late.body.code]).toEqual([401, 'login_failed']);
  });

  test('answers each challenge once: a copy of its answer opens nothing', async () => {
    const { email, token } = await newcomer();
    await addPasskey(token);
    const response = await assertion('sign_in');
    expect((await call('POST', '/v1/auth/passkey/login', { response })).status).toBe(200);
    const replayed = await call('POST', '/v1/auth/passkey/login', { response });
    expect([replayed.status, replayed.body.code]).toEqual([401, 'login_failed']);
    const body = { email, password: PASSWORD, passkey: response };
    expect((await call('POST', '/v1/auth/login', body)).body.code).toBe('login_failed');
  });

  test('is not made twice on one device, nor used by someone who cannot unlock it', async () => {
    const { token } = await newcomer();
    await addPasskey(token);
    expect(await addPasskey(token).catch(String)).toContain('InvalidStateError');
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    expect(await assertion('sign_in').catch(String)).toContain('NotAllowedError');
  });
});
