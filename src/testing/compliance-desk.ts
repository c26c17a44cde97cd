/**
 * What tests of KYC and AML start from: the whole application over HTTP on a database of its own, people
 * of any role, a list of fictional entries and applications up to any step.
 */
import { eq } from 'drizzle-orm';
import { createList, importList, type ListVersion } from '../domains/aml/index.ts';
import { screeningLists } from '../domains/aml/schema.ts';
import { createUser } from '../domains/identity/index.ts';
import { openSession, tokensOf } from '../domains/identity/open-session.ts';
import { customerGates } from '../domains/identity/schema.ts';
import { type Actor, isStaffRole, type Role } from '../kernel/actor.ts';
import { type Id, newId } from '../kernel/id.ts';
import type { Ctx } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';
import type { Foundation } from './foundation.ts';
import { type Harness, startHarness } from './harness.ts';
import { pictureWith } from './picture.ts';
import type { Answer } from './send.ts';

type Name = { readonly firstName: string; readonly lastName: string };

export type Person = Name & {
  readonly userId: Id;
  readonly token: string;
  readonly ctx: () => Ctx;
};

export type ComplianceDesk = Harness & {
  readonly officer: Person;
  readonly officer2: Person;
  readonly newPerson: (name?: Name, ...roles: Role[]) => Promise<Person>;
  /** The same person, signed in with further roles. */
  readonly signIn: (person: Person, ...roles: Role[]) => Promise<Person>;
  readonly call: (person: Person | null, method: string, path: string, body?: unknown) => Promise<Answer>;
  /** Declares whatever an application still has to declare in a form of its own. */
  readonly certify: (person: Person, path: string) => Promise<void>;
  /** A draft with a passport and its declarations; its path. */
  readonly draft: (person: Person, declared?: object) => Promise<string>;
  /** A draft handed in and, through the outbox, screened; its path. */
  readonly apply: (person: Person, declared?: object) => Promise<string>;
  /** Puts these entries on the own list; all it held before that is not among them is gone. */
  readonly loadList: (rows: readonly string[]) => Promise<ListVersion>;
  readonly gateOf: (person: Person) => Promise<typeof customerGates.$inferSelect | undefined>;
  /** What reconcile finds, as `check: object detail`; a test file ends with none. */
  readonly breaks: () => Promise<readonly string[]>;
};

export const LISTED: Name = { firstName: 'Balthazar', lastName: 'Ferrington' };
export const INNOCENT: Name = { firstName: 'Anjali', lastName: 'Ramgoolam' };

/** Two fictional entries; the first is the listed person. */
export const LIST_ROWS: readonly string[] = [
  'x-1,person,Balthazar Ferrington,Balthasar Ferrington,1961-02-28,,male,TEST,',
  'x-2,organisation,Obsidian Lantern Holdings,,,,,TEST,',
];

const LIST_HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
export async function startComplianceDesk(file: string): Promise<ComplianceDesk> {
  const harness = await startHarness(file);
  const newPerson: ComplianceDesk['newPerson'] = async (name = INNOCENT, ...given) => {
    const roles: Role[] = given.length === 0 ? ['customer'] : given;
    const email = `${newId()}@example.mu`;
    const { id } = await createUser(harness.system, { ...name, email, roles, emailVerified: true });
    return signIn(harness, { ...name, userId: id }, roles);
  };
  const call: ComplianceDesk['call'] = (person, method, path, body) =>
    harness.request(method, path, {
      ...(person === null ? {} : { token: person.token }),
      ...(body === undefined ? {} : { body }),
    });
  const certify: ComplianceDesk['certify'] = async (person, path) => {
    const file = await must(call(person, 'GET', path));
    for (const { status, alternatives } of file.items as readonly ItemBody[]) {
      const kind = alternatives[0]?.split('declaration:')[1];
      if (status === 'missing' && kind !== undefined) {
        const content = contentOf(kind, file);
        await must(call(person, 'POST', `${path}/declarations`, { kind, content }));
      }
    }
  };
  const draft: ComplianceDesk['draft'] = async (person, declared = {}) => {
    const body = { level: 'basic', declaration: { ...declarationOf(person), ...declared } };
    const path = `/v1/kyc/applications/${(await must(call(person, 'POST', '/v1/kyc/applications', body))).id}`;
    await must(call(person, 'POST', `${path}/documents`, upload()));
    await certify(person, path);
    return path;
  };
  return {
    ...harness,
    officer: await newPerson(INNOCENT, 'compliance_officer'),
    officer2: await newPerson(INNOCENT, 'compliance_officer'),
    newPerson,
    signIn: (person, ...roles) => signIn(harness, person, roles),
    call,
    certify,
    draft,
    apply: async (person, declared) => {
      const path = await draft(person, declared);
      await must(call(person, 'POST', `${path}/submit`));
      await harness.settle();
      return path;
    },
    loadList: (rows) => loadList(harness.system, rows),
    gateOf: async ({ userId }) => {
      const gates = harness.deps.db.engine.select().from(customerGates);
      return (await gates.where(eq(customerGates.userId, userId)))[0];
    },
    breaks: async () =>
      (await harness.reconcile()).checks.flatMap((check) =>
        check.breaks.map((found) => `${check.name}: ${found.object} ${found.detail}`),
      ),
  };
}

/** What a person declares of themselves; two of one name are not one person, but for the listed ones. */
export function declarationOf({ firstName, lastName }: Name) {
  return {
    firstName,
    lastName,
    birthDate: lastName === INNOCENT.lastName ? anotherDay() : '1961-02-28',
    nationality: 'MUS',
    address: { street: '12 Royal Road', city: 'Curepipe', country: 'MUS' },
    occupation: 'Engineer',
    purpose: 'Long-term investment',
    sourceOfFunds: 'Salary',
    taxResidence: 'MUS',
    politicallyExposed: false,
  };
}

let days = 0;
function anotherDay(): string {
  days += 1;
  return Temporal.PlainDate.from('1950-01-01').add({ days }).toString();
}

/** The form of an upload: a passport with a number of its own unless told otherwise. */
export function upload(
  fields: Readonly<Record<string, string>> = {},
  content: Uint8Array<ArrayBuffer> = pixel(),
): FormData {
  const form = new FormData();
  const said = { type: 'passport', ...fields };
  const told = IDENTITY_TYPES.includes(said.type) && fields.mrz === undefined ? numbered() : {};
  for (const [name, value] of Object.entries({ ...told, ...said })) {
    form.set(name, value);
  }
  form.set('file', new File([content], 'anything.bin'));
  return form;
}

const IDENTITY_TYPES = ['passport', 'national_id', 'driving_licence', 'residence_permit'];

function numbered() {
  return { number: newId(), expiresOn: '2049-12-31' };
}

/** A PNG that is like no other, with a text in it for a test to look for. */
export function pixel(text: string = newId()): Uint8Array<ArrayBuffer> {
  return pictureWith(text);
}

/** Everything the database holds, as text; bytes as hexadecimal. */
export async function dump(foundation: Foundation, tables: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const table of tables) {
    const rows = await foundation.deps.db.engine.execute<{ text: string }>(
      `select row_to_json(t)::text as text from ${table} t`,
    );
    texts.push(...rows.map((row) => row.text));
  }
  return texts.join('\n');
}

type ItemBody = { readonly status: string; readonly alternatives: readonly string[] };

/** What a form says that agrees with the rest of an application. */
function contentOf(kind: string, { declaration, company }: Answer['body']): object {
  const countries: readonly string[] = company?.taxResidences ?? [declaration.taxResidence];
  const isAmerican = [declaration.nationality, declaration.address.country, ...countries].includes('USA');
  const contents: Readonly<Record<string, object>> = {
    pep: { kind: 'domestic', position: 'Minister', country: 'MUS', relation: 'self' },
    beneficial_owner: { complete: true },
    tax_residence: { residences: countries.map((country) => ({ country, taxNumber: 'A1234567' })) },
    fatca_crs: {
      usPerson: isAmerican,
      ...(isAmerican ? { usTaxNumber: '912-34-5678' } : {}),
      entityType: company === null ? 'individual' : 'active_nfe',
      certified: true,
    },
  };
  return contents[kind] ?? {};
}

async function signIn(
  { system, deps, ctx }: Foundation,
  person: Name & { readonly userId: Id },
  roles: readonly Role[],
): Promise<Person> {
  const { userId } = person;
  const signIn = { methods: ['pwd', 'otp'], secondFactor: true } as const;
  const session = await transact(system, 'engine', (tx) => openSession(tx, system, userId, signIn));
  const { accessToken: token } = await tokensOf(deps, session, roles);
  const kind = roles.some(isStaffRole) ? 'staff' : 'customer';
  const actor: Actor = { kind, userId, roles, sessionId: newId(), mfaAtMs: deps.clock.realMs() };
  return { ...person, token, ctx: () => ctx(actor) };
}

async function loadList(ctx: Ctx, rows: readonly string[]): Promise<ListVersion> {
  const [known] = await ctx.deps.db.engine
    .select()
    .from(screeningLists)
    .where(eq(screeningLists.kind, 'own'));
  const list = known ?? (await createList(ctx, { kind: 'own', name: 'Fictional' }));
  return importList(ctx, list.id, { file: Buffer.from([LIST_HEADER, ...rows].join('\n')) });
}

async function must(answer: Promise<Answer>): Promise<Answer['body']> {
  const { status, body } = await answer;
  if (status >= 300) {
    throw new Error(`the test's set-up was refused: ${JSON.stringify(body)}`);
  }
  return body;
}
