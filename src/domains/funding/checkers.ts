import type { Role } from '../../kernel/actor.ts';

/** Who decides on money in and out. The maker and the customer are excluded whatever their roles (I7). */
export const CHECKERS = ['operations', 'compliance_officer'] as const satisfies readonly Role[];

/** Who decides where the MLRO must be one of those who vote. */
export const CHECKERS_WITH_MLRO = [...CHECKERS, 'mlro'] as const satisfies readonly Role[];
