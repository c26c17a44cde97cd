/**
 * Seeds the demo firm once, in one transaction: it is there whole or not at all. Everything goes
 * through the verbs that customers and staff use, so that the demo's books reconcile and its audit
 * log tells how they came about.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from 'otpauth';
import { createAccount, setMargin } from '../domains/accounts/index.ts';
import { createList, importList, screenUser } from '../domains/aml/index.ts';
import { clearDeposit, createDeposit } from '../domains/funding/index.ts';
import {
  acceptAgreement,
  createApiKey,
  createUser,
  getMe,
  listAgreements,
  type RiskProfile,
  updateMe,
} from '../domains/identity/index.ts';
import {
  createApplication,
  decideApplication,
  declare,
  submitApplication,
  uploadDocument,
} from '../domains/kyc/index.ts';
import { isStaffRole, type Role } from '../kernel/actor.ts';
import { parseAmount } from '../kernel/amount.ts';
import { present } from '../kernel/assert.ts';
import { type Id, newId } from '../kernel/id.ts';
import { decideApproval } from '../platform/approvals/decide-approval.ts';
import { type Ctx, type Deps, machineCtx } from '../platform/context.ts';
import { systemMarks } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { readMark } from '../start/system-marks.ts';
import {
  DEMO_PEOPLE,
  type DemoCredentials,
  type DemoLogin,
  type DemoName,
  writeDemoCredentials,
} from './credentials.ts';
import { insertReferenceRows } from './reference-rows.ts';

type Person = DemoLogin & { readonly ctx: Ctx };
type People = Readonly<Record<DemoName, Person>>;

/** What the funded customers start with. */
const FUNDING: Readonly<Partial<Record<DemoName, Readonly<Record<string, string>>>>> = {
  customer: { USD: '10000' },
  customer2: { USD: '10000' },
  marketMaker: { USD: '5000000', EUR: '1000000', BTC: '50', ETH: '1000', AAPL: '20000' },
};

/** The smallest PNG, for the demo customers' documents. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/**
 * Seeds an empty database; one that was seeded is left as it is.
 * @effects the demo firm; `demo-credentials.json`; the mark `demo_seeded`
 */
export async function seedDemo(deps: Deps): Promise<void> {
  if ((await readMark(deps, 'demo_seeded')) !== undefined) {
    return;
  }
  const outer = machineCtx(deps, { kind: 'system', name: 'demo seed' }, newId());
  await transact(outer, 'engine', async (tx) => {
    const ctx: Ctx = { ...outer, tx };
    await insertReferenceRows(tx, ctx);
    const people = await createPeople(ctx);
    await loadDemoList(ctx);
    const accounts = new Map<DemoName, Id>();
    for (const [name, amounts] of Object.entries(FUNDING)) {
      accounts.set(name as DemoName, await openFundedAccount(people, name as DemoName, amounts));
    }
    await tx.insert(systemMarks).values({ name: 'demo_seeded', value: true, markedAt: deps.clock.realNow() });
    writeDemoCredentials(deps.dataDir, credentialsOf(people, accounts));
  });
}

async function createPeople(ctx: Ctx): Promise<People> {
  const people: Partial<Record<DemoName, Person>> = {};
  for (const [name, person] of Object.entries(DEMO_PEOPLE)) {
    const email = `${name.toLowerCase()}@demo.plimsoll.local`;
    const password = randomBytes(15).toString('base64url');
    const totpSecret = new Secret({ size: 20 }).base32;
    const roles: readonly Role[] = person.roles;
    const { id: userId } = await createUser(ctx, {
      email,
      password,
      firstName: person.firstName,
      lastName: person.lastName,
      roles,
      emailVerified: true,
      totpSecret,
    });
    const { secret: apiKey } = await createApiKey(ctx, {
      userId,
      name: 'demo',
      mode: 'test',
      scopes: ['*'],
    });
    people[name as DemoName] = {
      email,
      password,
      totpSecret,
      apiKey,
      userId,
      ctx: ctxOf(ctx, userId, roles),
    };
  }
  return people as People;
}

/** The person at work: signed in with a second factor, inside the seed's transaction. */
function ctxOf(ctx: Ctx, userId: Id, roles: readonly Role[]): Ctx {
  const staff = roles.some(isStaffRole);
  const signedIn = { userId, roles, sessionId: newId(), mfaAtMs: ctx.deps.clock.realMs() };
  return {
    ...ctx,
    actor: { kind: staff ? 'staff' : 'customer', ...signedIn },
    login: staff ? 'staff' : 'app',
  };
}

/** A list of two fictional entries, so that screening works before a real list is imported. */
async function loadDemoList(ctx: Ctx): Promise<void> {
  const list = await createList(ctx, { kind: 'own', name: 'Demo list (fictional)' });
  const file = new Uint8Array(readFileSync(join(import.meta.dir, 'demo-list.csv')));
  await importList(ctx, list.id, { file });
}

async function openFundedAccount(
  people: People,
  name: DemoName,
  amounts: Readonly<Record<string, string>>,
): Promise<Id> {
  const { ctx } = people[name];
  for (const agreement of await listAgreements(ctx)) {
    await acceptAgreement(ctx, agreement.id);
  }
  const account = await createAccount(ctx, { type: 'live', baseCurrency: 'USD' });
  await passKyc(people, name);
  await grantMargin(people, name, account.id);
  for (const [asset, amount] of Object.entries(amounts)) {
    const deposit = await createDeposit(ctx, {
      accountId: account.id,
      asset,
      amount: parseAmount(amount),
      method: 'other',
    });
    const cleared = await clearDeposit(people.operations.ctx, {
      depositId: deposit.id,
      reason: 'Demo funds',
    });
    const approval = present(
      'approval' in cleared ? cleared.approval : undefined,
      'clearing by hand asks for an approval',
    );
    const second = approval.checkerRoles.includes('mlro') ? people.mlro : people.compliance;
    for (const by of [people.operations2, second].slice(0, approval.quorum)) {
      await decideApproval(by.ctx, { approvalId: approval.id, vote: 'approve', reason: 'Demo funds' });
    }
  }
  return account.id;
}

/** What each said of the risk they bear, and the leverage the firm grants them. */
const MARGIN_OF: Readonly<
  Partial<Record<DemoName, { readonly says: RiskProfile; readonly leverage: string }>>
> = {
  customer: { says: 'moderate', leverage: '5' },
  customer2: { says: 'moderate', leverage: '5' },
  marketMaker: { says: 'aggressive', leverage: '20' },
};

/** The customer asks, and the risk manager decides. */
async function grantMargin(people: People, name: DemoName, accountId: Id): Promise<void> {
  const wish = MARGIN_OF[name];
  if (wish === undefined) {
    return;
  }
  const { ctx } = people[name];
  const { version } = await getMe(ctx);
  await updateMe({ ...ctx, ifMatch: version }, { riskProfile: wish.says });
  const { approvalId } = await setMargin(ctx, accountId, {
    marginEnabled: true,
    maxLeverage: wish.leverage,
    reason: 'To try contracts',
  });
  await decideApproval(people.risk.ctx, {
    approvalId: present(approvalId, 'what lowers a guard asks for an approval'),
    vote: 'approve',
    reason: 'It suits what the customer said',
  });
}

async function passKyc(people: People, name: DemoName): Promise<void> {
  const { ctx, userId } = people[name];
  const { firstName, lastName } = DEMO_PEOPLE[name];
  const application = await createApplication(ctx, {
    level: 'basic',
    declaration: {
      firstName,
      lastName,
      birthDate: '1990-04-12',
      nationality: 'MUS',
      address: { street: '12 Royal Road', city: 'Curepipe', country: 'MUS' },
      occupation: 'Engineer',
      purpose: 'To try the product',
      sourceOfFunds: 'Salary',
      taxResidence: 'MUS',
      politicallyExposed: false,
    },
  });
  await uploadDocument(ctx, application.id, {
    type: 'passport',
    file: new File([PIXEL], 'passport.png', { type: 'image/png' }),
    number: newId(),
    expiresOn: '2049-12-31',
  });
  await declare(ctx, application.id, 'tax_residence', {
    residences: [{ country: 'MUS', taxNumber: 'A1234567' }],
  });
  await declare(ctx, application.id, 'fatca_crs', {
    usPerson: false,
    entityType: 'individual',
    certified: true,
  });
  await submitApplication(ctx, application.id);
  // The relay would screen after the commit; the seed needs the answer now and keeps the same evidence.
  await screenUser(people.compliance.ctx, userId, 'demo_seed');
  await decideApplication(people.compliance.ctx, application.id, 'approved', 'Demo customer');
}

function credentialsOf(people: People, accounts: ReadonlyMap<DemoName, Id>): DemoCredentials {
  const entries = Object.entries(people).map(([name, { ctx: _ctx, ...login }]) => {
    const accountId = accounts.get(name as DemoName);
    return [name, { ...login, ...(accountId === undefined ? {} : { accountId }) }];
  });
  return Object.fromEntries(entries) as DemoCredentials;
}
