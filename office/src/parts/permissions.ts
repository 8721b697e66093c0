/** What the signed-in person may do here. The cloud has the last word: hiding what it would refuse is a kindness, no wall. */
import type { Permission, TeamRole } from '@tikiwallet/server/contract';
import { useOffice } from '../office.ts';

const OF_OWNERS_ONLY: readonly Permission[] = ['pay_outs.order', 'bank_account.manage', 'webhooks.manage'];
const OF_CASHIERS: readonly Permission[] = ['sales.read', 'kiosks.read'];

export function may(role: TeamRole, permission: Permission): boolean {
  switch (role) {
    case 'owner':
      return true;
    case 'manager':
      return !OF_OWNERS_ONLY.includes(permission);
    case 'cashier':
      return OF_CASHIERS.includes(permission);
  }
}

export function useMay(permission: Permission): boolean {
  const { state } = useOffice();
  const role = state.user?.merchant?.teamRole;
  return role !== undefined && may(role, permission);
}
