/** What the roles of a team are called. */
import type { TeamRole } from '@tikiwallet/server/contract';
import type { Key } from '../i18n/words.ts';

export const ROLE_NAMES: Readonly<Record<TeamRole, Key>> = {
  owner: 'team.owner',
  manager: 'team.manager',
  cashier: 'team.cashier',
};
