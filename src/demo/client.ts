/**
 * A typed client, generated from docs/openapi.json, and what the journey needs around it: signing in
 * with a second factor, and answers that must be what was expected.
 */
import createClient, { type Client } from 'openapi-fetch';
import { Secret, TOTP } from 'otpauth';
import type { DemoLogin } from './credentials.ts';
import type { components, paths } from './generated/openapi.ts';

export type Api = Client<paths>;
export type Problem = components['schemas']['Problem'];

/** What openapi-fetch gives back: data or a problem, and the response. */
export type Answer<Data> = { readonly data?: Data; readonly error?: unknown; readonly response: Response };

/** An answer that was not the expected one. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

const TOTP_STEP_MS = 30_000;

/** A client for one person, or for nobody. */
export function apiFor(url: string, token?: string): Api {
  return createClient<paths>({
    baseUrl: url,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
}

/** The data of a success. @errors UnexpectedAnswer with the problem's code and words */
export async function ok<Data>(pending: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await pending;
  if (!response.ok || data === undefined) {
    const problem = error as Partial<Problem> | undefined;
    throw new UnexpectedAnswer(
      `${new URL(response.url).pathname} answered ${response.status} ${problem?.code ?? ''} ${problem?.detail ?? ''}`,
    );
  }
  return data;
}

/** The problem of a refusal with this code. @errors UnexpectedAnswer when it was not refused so */
export async function refused(
  pending: Promise<Answer<unknown>>,
  status: number,
  code: string,
): Promise<Problem> {
  const { error, response } = await pending;
  const problem = error as Problem | undefined;
  if (response.status !== status || problem?.code !== code) {
    throw new UnexpectedAnswer(
      `expected ${status} ${code}, ${new URL(response.url).pathname} answered ${response.status} ${problem?.code ?? ''}`,
    );
  }
  return problem;
}

/** The code an authenticator app would show now. */
export function codeOf(secret: string, nowMs: number): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: nowMs });
}

/** Signs in with password and second factor; a code that was just used makes it wait for the next. */
export async function signIn(
  url: string,
  login: Pick<DemoLogin, 'email' | 'password' | 'totpSecret'>,
  nowMs: () => number,
): Promise<Api> {
  for (let attempt = 1; ; attempt += 1) {
    const totp = codeOf(login.totpSecret, nowMs());
    const answer = await apiFor(url).POST('/v1/auth/login', {
      body: { email: login.email, password: login.password, totp },
    });
    if (answer.response.ok || attempt === 2) {
      const tokens = await ok(Promise.resolve(answer));
      if (!('accessToken' in tokens) || tokens.accessToken === undefined) {
        throw new UnexpectedAnswer(`${login.email} was not signed in`);
      }
      return apiFor(url, tokens.accessToken);
    }
    await Bun.sleep(TOTP_STEP_MS - (nowMs() % TOTP_STEP_MS) + 500);
  }
}

/** Asks again until the answer is there. @errors UnexpectedAnswer after ten seconds */
export async function until<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const value = await ask();
    if (value !== undefined) {
      return value;
    }
    await Bun.sleep(100);
  }
  throw new UnexpectedAnswer(`${what} did not happen within ten seconds`);
}
