/** A payee who resembles an entry of a list, whose hits begin to stop people. */
import { expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { createList, importList } from '../domains/aml/index.ts';
import { rescreenPayees } from '../domains/funding/rescreen-payees.ts';
import { beneficiaries } from '../domains/funding/schema.ts';
import { settleBeneficiaries } from '../domains/funding/settle-beneficiaries.ts';
import { customerGates } from '../domains/identity/schema.ts';
import { newId } from '../kernel/id.ts';
import { done, REASON } from './drivers/driver.ts';
import { bankBeneficiary } from './funding-desk.ts';
import { startWorld } from './world.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

test('a payee whom the list named before waits, and the gate of whoever pays them shuts', async () => {
  const world = await startWorld(import.meta.file);
  try {
    const officer = world.people.compliance_officer;
    const { id } = await createList(world.system, { kind: 'own', name: 'Offices', purpose: 'pep' });
    const holderName = 'Evander Tattersall-Quigg';
    const rows = `${HEADER}\n${newId()},person,${holderName},,,,,TEST,`;
    await importList(world.system, id, { file: Buffer.from(rows) });
    const as = await world.newCustomer({ USD: '100' }, { name: ['Evander', 'Tattersall-Quigg'] });
    await world.settle();
    const payee = await done(
      world.call('createBeneficiary', { as, body: { ...bankBeneficiary(), holderName } }),
    );
    await settleBeneficiaries(world.system);
    await rescreenPayees(world.system);
    const statusOf = async () => {
      const found = world.deps.db.engine.select().from(beneficiaries).where(eq(beneficiaries.id, payee.id));
      return (await found)[0]?.status;
    };
    expect(await statusOf()).toBe('active');

    const body = { effect: 'stop' };
    const { approval } = await done(world.call('changeScreeningList', { as: officer, params: { id }, body }));
    const vote = { as: world.people.mlro, params: { id: approval.id }, body: REASON };
    await done(world.call('approveApproval', vote));
    await rescreenPayees(world.system);

    expect(await statusOf()).toBe('pending');
    const gates = world.deps.db.engine.select().from(customerGates);
    const [gate] = await gates.where(eq(customerGates.userId, as.userId));
    expect(gate?.screening).toBe('open');
  } finally {
    await world.close();
  }
}, 60_000);
