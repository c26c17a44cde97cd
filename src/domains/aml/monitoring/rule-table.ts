import type { RuleDefinition } from './rule.ts';
import { circularTransfers } from './rules/circular-transfers.ts';
import { crowdedMarket } from './rules/crowded-market.ts';
import { crowdedPast } from './rules/crowded-past.ts';
import { dormantReactivation } from './rules/dormant-reactivation.ts';
import { highRiskCountry } from './rules/high-risk-country.ts';
import { layering } from './rules/layering.ts';
import { manyBeneficiaries } from './rules/many-beneficiaries.ts';
import { newBeneficiaryLarge } from './rules/new-beneficiary-large.ts';
import { rapidInOut } from './rules/rapid-in-out.ts';
import { roundAmounts } from './rules/round-amounts.ts';
import { selfMatch } from './rules/self-match.ts';
import { sharedCounterparty } from './rules/shared-counterparty.ts';
import { spoofing } from './rules/spoofing.ts';
import { structuring } from './rules/structuring.ts';
import { thirdPartyDeposit } from './rules/third-party-deposit.ts';
import { tradingAhead } from './rules/trading-ahead.ts';
import { velocityPeer } from './rules/velocity-peer.ts';
import { velocitySelf } from './rules/velocity-self.ts';
import { washTrade } from './rules/wash-trade.ts';

/** Every rule there is, in the order of the documentation. */
export const RULE_TABLE: readonly RuleDefinition[] = [
  structuring,
  roundAmounts,
  thirdPartyDeposit,
  crowdedPast,
  rapidInOut,
  velocitySelf,
  velocityPeer,
  dormantReactivation,
  manyBeneficiaries,
  newBeneficiaryLarge,
  circularTransfers,
  highRiskCountry,
  sharedCounterparty,
  washTrade,
  selfMatch,
  spoofing,
  layering,
  tradingAhead,
  crowdedMarket,
];
