/**
 * The file that tells a new user how to sign in to the demo firm. Written once, for the server's
 * user only.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '../kernel/actor.ts';

/** One person per role, two where four eyes need two. */
export const DEMO_PEOPLE = {
  customer: { firstName: 'Anjali', lastName: 'Ramgoolam', roles: ['customer'] },
  customer2: { firstName: 'Didier', lastName: 'Lagesse', roles: ['customer'] },
  marketMaker: { firstName: 'Marie', lastName: 'Lenoir', roles: ['customer', 'market_maker'] },
  support: { firstName: 'Kevin', lastName: 'Bissessur', roles: ['support'] },
  compliance: { firstName: 'Nadia', lastName: 'Peerbaye', roles: ['compliance_officer'] },
  compliance2: { firstName: 'Oliver', lastName: 'Tan', roles: ['compliance_officer'] },
  mlro: { firstName: 'Sarah', lastName: 'Chung', roles: ['mlro'] },
  operations: { firstName: 'Yusuf', lastName: 'Moollan', roles: ['operations'] },
  operations2: { firstName: 'Claire', lastName: 'Duval', roles: ['operations'] },
  risk: { firstName: 'Ravi', lastName: 'Seebaluck', roles: ['risk_manager'] },
  admin: { firstName: 'Priya', lastName: 'Naidoo', roles: ['admin'] },
  admin2: { firstName: 'Jean', lastName: 'Hardy', roles: ['admin'] },
  auditor: { firstName: 'Elena', lastName: 'Martin', roles: ['auditor'] },
} as const satisfies Readonly<
  Record<string, { readonly firstName: string; readonly lastName: string; readonly roles: readonly Role[] }>
>;

export type DemoName = keyof typeof DEMO_PEOPLE;

export type DemoLogin = {
  readonly email: string;
  readonly password: string;
  /** Base32; any authenticator app takes it. */
  readonly totpSecret: string;
  readonly apiKey: string;
  readonly userId: string;
  readonly accountId?: string;
};

export type DemoCredentials = Readonly<Record<DemoName, DemoLogin>>;

export function demoCredentialsPath(dataDir: string): string {
  return join(dataDir, 'demo-credentials.json');
}

export function readDemoCredentials(dataDir: string): DemoCredentials | undefined {
  const path = demoCredentialsPath(dataDir);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as DemoCredentials) : undefined;
}

/** @effects writes `demo-credentials.json`, mode 0600 */
export function writeDemoCredentials(dataDir: string, credentials: DemoCredentials): void {
  writeFileSync(demoCredentialsPath(dataDir), `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
}
