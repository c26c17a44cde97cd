import { codeOf, PASSWORD } from '../identity-desk.ts';
import { type SoftPasskey, softPasskey } from '../soft-authenticator.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';

/** Passkeys, recovery codes and the reset of both. */
export const factorDrivers: Drivers = {
  getPasskeyOptions: (world) => world.call('getPasskeyOptions', { body: { purpose: 'sign_in' } }),
  loginWithPasskey: async (world) => {
    const { passkey } = await holder(world);
    const options = await done(world.call('getPasskeyOptions', { body: {} }));
    return world.call('loginWithPasskey', { body: { response: passkey.get(options) } });
  },
  listPasskeys: async (world) => world.call('listPasskeys', { as: (await holder(world)).as }),
  beginPasskey: async (world) => world.call('beginPasskey', { as: await world.newMember() }),
  addPasskey: async (world) => {
    const as = await world.newMember();
    return add(world, as, softPasskey());
  },
  removePasskey: async (world) => {
    const { as, id } = await holder(world);
    return world.call('removePasskey', { as, params: { id } });
  },
  loginWithRecoveryCode: async (world) => {
    const as = await world.newMember({ password: PASSWORD, secondFactor: false });
    const { secret } = await done(world.call('enrolTotp', { as }));
    const { recoveryCodes } = await done(world.call('confirmTotp', { as, body: { totp: codeOf(secret) } }));
    const [recoveryCode] = recoveryCodes;
    return world.call('loginWithRecoveryCode', {
      body: { email: as.email, password: PASSWORD, recoveryCode },
    });
  },
  getRecoveryCodes: (world) => world.call('getRecoveryCodes', { as: world.people.customer }),
  replaceRecoveryCodes: async (world) => world.call('replaceRecoveryCodes', { as: await world.newMember() }),
  resetSecondFactor: async (world) => {
    const params = { id: (await world.newMember()).userId };
    return world.call('resetSecondFactor', { as: world.people.admin, params, body: REASON });
  },
};

/** Somebody who has just made a passkey. */
async function holder(world: World) {
  const as = await world.newMember();
  const passkey = softPasskey();
  const { id } = await done(add(world, as, passkey));
  return { as, passkey, id };
}

async function add(world: World, as: Member, passkey: SoftPasskey) {
  const options = await done(world.call('beginPasskey', { as }));
  return world.call('addPasskey', { as, body: { name: 'Phone', response: passkey.create(options) } });
}
