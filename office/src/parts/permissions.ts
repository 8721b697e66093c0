/** What the signed-in person may do here. The cloud has the last word: hiding what it would refuse is a kindness, no wall. */
import type { Permission } from '@tikiwallet/server/contract';
import { mayDo } from '@tikiwallet/server/permissions';
import { useOffice } from '../office.ts';

export { mayDo };

export function useMay(permission: Permission): boolean {
  const { state } = useOffice();
  const role = state.user?.merchant?.teamRole;
  return role !== undefined && mayDo(role, permission);
}
