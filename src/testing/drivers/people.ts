import type { Role } from '../../kernel/actor.ts';
import { newId } from '../../kernel/id.ts';
import { codeOf, PASSWORD } from '../identity-desk.ts';
import type { World } from '../world.ts';
import { type Drivers, done, first, REASON } from './driver.ts';

const NEW_PASSWORD = 'nine patient herons on the quay';

export const signInDrivers: Drivers = {
  register: (world) => world.call('register', { body: registration() }),
  verifyEmail: async (world) => {
    const { sandbox } = await done(world.call('register', { body: registration() }));
    return world.call('verifyEmail', { body: { token: sandbox.emailToken } });
  },
  login: async (world) => {
    const { email, totpSecret } = await world.newMember({ password: PASSWORD });
    return world.call('login', { body: { email, password: PASSWORD, totp: codeOf(totpSecret) } });
  },
  refreshSession: async (world) => {
    const { email } = await world.newMember({ password: PASSWORD, secondFactor: false });
    const { refreshToken } = await done(world.call('login', { body: { email, password: PASSWORD } }));
    return world.call('refreshSession', { body: { refreshToken } });
  },
  logout: async (world) => world.call('logout', { as: await world.newMember() }),
  stepUp: async (world) => {
    const as = await world.newMember();
    return world.call('stepUp', { as, body: { totp: codeOf(as.totpSecret) } });
  },
  forgotPassword: async (world) => {
    const { email } = await world.newMember({ password: PASSWORD });
    return world.call('forgotPassword', { body: { email } });
  },
  resetPassword: async (world) => {
    const { email } = await world.newMember({ password: PASSWORD });
    const { sandbox } = await done(world.call('forgotPassword', { body: { email } }));
    return world.call('resetPassword', { body: { token: sandbox.emailToken, password: NEW_PASSWORD } });
  },
  changePassword: async (world) => {
    const as = await world.newMember({ password: PASSWORD });
    return world.call('changePassword', {
      as,
      body: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
    });
  },
  getKeySet: (world) => world.call('getKeySet'),
};

export const meDrivers: Drivers = {
  getMe: (world) => world.call('getMe', { as: world.people.customer }),
  updateMe: async (world) => {
    const as = await world.newMember();
    const { version } = await done(world.call('getMe', { as }));
    const headers = { 'if-match': `"${version}"` };
    return world.call('updateMe', { as, headers, body: { displayName: 'Anjali', phone: uniquePhone() } });
  },
  listSessions: (world) => world.call('listSessions', { as: world.people.customer }),
  endSession: async (world) => {
    const as = await world.newMember();
    await world.tokenOf(as, false);
    const { data } = await done(world.call('listSessions', { as }));
    const other = first(data.filter((session: { current: boolean }) => !session.current)) as { id: string };
    return world.call('endSession', { as, params: { id: other.id } });
  },
  getTotp: (world) => world.call('getTotp', { as: world.people.customer }),
  enrolTotp: async (world) => world.call('enrolTotp', { as: await world.newMember({ secondFactor: false }) }),
  confirmTotp: async (world) => {
    const as = await world.newMember({ secondFactor: false });
    const { secret } = await done(world.call('enrolTotp', { as }));
    return world.call('confirmTotp', { as, body: { totp: codeOf(secret) } });
  },
  removeTotp: async (world) => world.call('removeTotp', { as: await world.newMember() }),
  listAgreements: (world) => world.call('listAgreements', { as: world.people.customer }),
  acceptAgreement: async (world) => {
    const as = await world.newMember();
    const { data } = await done(world.call('listAgreements', { as }));
    return world.call('acceptAgreement', { as, params: { id: first<{ id: string }>(data).id } });
  },
};

export const staffDrivers: Drivers = {
  listUsers: (world) => world.call('listUsers', { as: world.people.support }),
  getUser: async (world) =>
    world.call('getUser', { as: world.people.support, params: { id: (await world.newMember()).userId } }),
  suspendUser: async (world) => {
    const params = { id: (await world.newMember()).userId };
    return world.call('suspendUser', { as: world.people.admin, params, body: REASON });
  },
  reactivateUser: async (world) => {
    const params = { id: (await world.newMember()).userId };
    const as = world.people.compliance_officer;
    await done(world.call('suspendUser', { as, params, body: REASON }));
    return world.call('reactivateUser', { as, params, body: REASON });
  },
  setUserRoles: (world) => askForRoles(world, ['support']),
};

export const approvalDrivers: Drivers = {
  listApprovals: async (world) => {
    await done(askForRoles(world, ['support']));
    return world.call('listApprovals', { as: world.people.admin });
  },
  getApproval: async (world) => {
    const { id } = await done(askForRoles(world, ['support']));
    return world.call('getApproval', { as: world.people.auditor, params: { id } });
  },
  approveApproval: async (world) => {
    const { id } = await done(askForRoles(world, ['support']));
    return world.call('approveApproval', { as: world.second.admin, params: { id }, body: REASON });
  },
  rejectApproval: async (world) => {
    const { id } = await done(askForRoles(world, ['support']));
    return world.call('rejectApproval', { as: world.second.admin, params: { id }, body: REASON });
  },
  cancelApproval: async (world) => {
    const { id } = await done(askForRoles(world, ['support']));
    return world.call('cancelApproval', { as: world.people.admin, params: { id } });
  },
  getLiveness: (world) => world.call('getLiveness'),
  getReadiness: (world) => world.call('getReadiness'),
};

async function askForRoles(world: World, roles: readonly Role[]) {
  const params = { id: (await world.newMember({ roles: ['operations'] })).userId };
  return world.call('setUserRoles', { as: world.people.admin, params, body: { roles, ...REASON } });
}

function registration() {
  return { email: `${newId()}@example.mu`, password: PASSWORD, firstName: 'Anjali', lastName: 'Ramgoolam' };
}

function uniquePhone(): string {
  return `+230${Date.now().toString().slice(-8)}`;
}
