import type { Role } from '../../kernel/actor.ts';

/** Who decides on money in and out. The maker and the customer are excluded whatever their roles (I7). */
export const CHECKERS = ['operations', 'compliance_officer'] as const satisfies readonly Role[];
