/**
 * No plaintext of a marked field outside the process that sealed it: words that occur nowhere else are put
 * into every such field, and then looked for in every table, the files of the database with its log and
 * write-ahead log, what the service logs, its answers to others, the outbox, and the files it keeps.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { sql } from 'drizzle-orm';
import { composeIBAN } from 'ibantools';
import { NEW_APPLICATION_EXAMPLE } from '../domains/kyc/api.ts';
import { createApplication, uploadDocument } from '../domains/kyc/index.ts';
import { openClient } from '../platform/db/client.ts';
import { buildLogger } from '../platform/log/logger.ts';
import { done } from './drivers/driver.ts';
import { pictureWith } from './picture.ts';
import { type Member, startWorld, type World } from './world.ts';

/** Twelve letters that no other test, list or word holds. */
const word = () => `Q${[...randomBytes(11)].map((byte) => String.fromCharCode(97 + (byte % 26))).join('')}`;

const CANARIES = {
  firstName: word(),
  lastName: word(),
  street: word(),
  setting: word(),
  document: word(),
  scan: word(),
  payeeLabel: word(),
  userAgent: word(),
  parameter: word(),
} as const;
/** The files that are searched hold the databases of other tests too, which keep the firm's own accounts in the clear. */
const digits = (count: number) => [...randomBytes(count)].map((byte) => byte % 10).join('');
const NUMBERS = {
  phone: `+23057${digits(6)}`,
  iban: composeIBAN({ countryCode: 'MU', bban: `BOMM0101${digits(12)}000MUR` }) ?? '',
} as const;
/** Put where it is kept in the clear by design, so that the search is seen to find what is there. */
const PLANTED = word();

let world: World;
let person: Member;
const logged: string[] = [];
const answered: string[] = [];

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  const sink = { write: (line: string) => logged.push(line) };
  Object.assign(world.deps, { log: buildLogger('trace', sink) });
  await world.startWorkers();
  person = await live();
  await mishaps();
  await world.settle();
}, 120_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

async function live(): Promise<Member> {
  const name = [CANARIES.firstName, CANARIES.lastName] as const;
  const as = await world.newCustomer({ USD: '100' }, { name });
  const headers = { 'user-agent': CANARIES.userAgent };
  const { version } = await done(world.call('getMe', { as, headers }));
  const address = { street: CANARIES.street, city: 'Port Louis', country: 'MUS' };
  const change = { phone: NUMBERS.phone, address };
  await done(
    world.call('updateMe', { as, headers: { ...headers, 'if-match': `"${version}"` }, body: change }),
  );
  await done(
    world.call('putSetting', { as, headers, params: { name: 'note' }, body: { value: CANARIES.setting } }),
  );
  const account = { as, params: { id: as.accountId }, headers: { ...headers, 'if-match': '"1"' } };
  await done(world.call('renameAccount', { ...account, body: { name: PLANTED } }));
  const { declaration } = NEW_APPLICATION_EXAMPLE;
  const draft = await createApplication(as.ctx, {
    level: 'enhanced',
    declaration: {
      ...declaration,
      firstName: name[0],
      lastName: name[1],
      address: { ...declaration.address, ...address },
    },
  } as never);
  expect(NUMBERS.iban).not.toBe('');
  const file = new File([pictureWith(CANARIES.scan)], 'scan.png', { type: 'image/png' });
  await uploadDocument(as.ctx, draft.id, { type: 'passport', file, number: CANARIES.document });
  const payee = {
    kind: 'bank',
    holderName: name.join(' '),
    iban: NUMBERS.iban,
    bic: 'MCBLMUMU',
    label: CANARIES.payeeLabel,
  };
  const { id: beneficiaryId } = await done(world.call('createBeneficiary', { as, headers, body: payee }));
  const body = { accountId: as.accountId, asset: 'USD', amount: '10', beneficiaryId };
  await done(world.call('createWithdrawal', { as, headers, body }));
  return as;
}

/** What fails quotes what it was given, if anything does: refusals, faults of SQL, altered ciphertext. */
async function mishaps(): Promise<void> {
  const as = person;
  const refused = [
    await world.call('createBeneficiary', {
      as,
      body: { kind: 'bank', holderName: CANARIES.lastName, iban: `${NUMBERS.iban}0` },
    }),
    await world.call('updateMe', {
      as,
      headers: { 'if-match': '"1"' },
      body: { phone: `${NUMBERS.phone}x`, address: { street: CANARIES.street } },
    }),
    await world.call('putSetting', {
      as,
      params: { name: 'not a name!' },
      body: { value: CANARIES.setting },
    }),
  ];
  answered.push(...refused.map((answer) => JSON.stringify(answer.body)));
  expect(refused.every((answer) => answer.status >= 400)).toBe(true);
  // A statement that fails with the value among its parameters: PostgreSQL's log and ours must not show it.
  const fault = await world.deps.db.engine
    .execute(sql`select 1 / (length(${CANARIES.parameter}::text) - ${CANARIES.parameter.length}::int)`)
    .catch((error: Error) => error);
  expect(fault).toBeInstanceOf(Error);
  const column = sql.identifier('value');
  await world.deps.db.engine.execute(sql`
    update user_settings set ${column} = set_byte(${column}, 30, get_byte(${column}, 30) # 1)
    where user_id = ${as.userId}`);
  const broken = await world.call('getSetting', { as, params: { name: 'note' } });
  expect(broken.status).toBe(500);
  answered.push(JSON.stringify(broken.body));
}

const needles = () => [...Object.values(CANARIES), ...Object.values(NUMBERS)];

/** Which of the words a text holds, in any spelling a dump may give them. */
function found(text: string): readonly string[] {
  const lower = text.toLowerCase();
  return [...needles(), PLANTED].filter((needle) =>
    [
      needle,
      Buffer.from(needle).toString('hex'),
      Buffer.from(needle).toString('base64').replace(/=*$/, '').slice(0, -2),
    ].some((spelling) => lower.includes(spelling.toLowerCase())),
  );
}

describe('no marked field is found in the clear', () => {
  test('in any table, the outbox and the audit log among them; what is planted is', async () => {
    const tables = await world.deps.db.engine.execute<{ name: string }>(sql`
      select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
        and not relispartition and has_table_privilege(oid, 'SELECT')`);
    const dump: string[] = [];
    for (const { name } of tables) {
      const rows = await world.deps.db.engine.execute<{ row: string }>(
        sql`select to_jsonb(t)::text as row from ${sql.identifier(name)} t`,
      );
      dump.push(...rows.map(({ row }) => row));
    }
    expect(tables.length).toBeGreaterThan(80);
    expect(found(dump.join('\n'))).toEqual([PLANTED]);
  });

  test('in the files of the database, its write-ahead log and its own log; what is planted is', async () => {
    const owner = openClient(world.database.owner, 1);
    // Pages and log reach the disk before they are looked at.
    await owner`checkpoint`.catch(() => Bun.sleep(1_500));
    await owner.end();
    const folder = dirname(world.database.owner.host);
    const hits: string[] = [];
    for (const needle of [...needles(), PLANTED]) {
      const grep = Bun.spawn(['grep', '-rqaF', '--exclude-dir=socket', needle, folder], { stderr: 'ignore' });
      hits.push(...((await grep.exited) === 0 ? [needle] : []));
    }
    expect(hits).toEqual([PLANTED]);
  }, 120_000);

  test('in what the service logs at its most talkative, nor in its refusals', () => {
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.join('')).toContain('user_settings.value');
    expect(found(logged.join(''))).toEqual([]);
    expect(found(answered.join(''))).toEqual([]);
    expect(found(`{"a":"${PLANTED}"}`)).toEqual([PLANTED]);
  });

  test('in the files the service keeps: documents, exports, mail apart', async () => {
    const grep = (needle: string) =>
      Bun.spawn(['grep', '-rqaF', needle, `${world.deps.dataDir}/files`], { stderr: 'ignore' }).exited;
    const hits: string[] = [];
    for (const needle of needles()) {
      hits.push(...((await grep(needle)) === 0 ? [needle] : []));
    }
    expect(hits).toEqual([]);
    // The scan is there: sealed, as large as it was.
    expect(await grep('')).toBe(0);
  });

  test('in what staff without the right are shown of the person', async () => {
    const as = world.people.support;
    const page = await world.call('listUsers', { as, query: { limit: '100' } });
    const one = await world.call('getUser', { as, params: { id: person.userId } });
    const shown = JSON.stringify([page.body, one.body]);
    expect(shown).toContain(person.userId);
    expect(found(shown)).toEqual([]);
  });
});
