import { stuckLiquidation } from '../stuck-liquidation.ts';
import { type Drivers, done, REASON } from './driver.ts';
import { asks, type StaffWrites } from './staff-write.ts';

/** What the firm takes over of liquidations that find nobody, and what it holds by that. */
export const takeoverDrivers: Drivers = {
  takeOverPosition: async (world) => {
    const { positionId: id } = await stuckLiquidation(world);
    const as = world.people.risk_manager;
    return world.call('takeOverPosition', { as, params: { id }, body: REASON });
  },
  getFirmExposure: async (world) => {
    const { positionId: id } = await stuckLiquidation(world);
    const as = world.people.risk_manager;
    const { approvalId } = await done(world.call('takeOverPosition', { as, params: { id }, body: REASON }));
    const vote = { as: world.second.risk_manager, params: { id: approvalId }, body: REASON };
    await done(world.call('approveApproval', vote));
    return world.call('getFirmExposure', { as });
  },
};

export const takeoverWrites: StaffWrites = { takeOverPosition: asks('self_action') };
