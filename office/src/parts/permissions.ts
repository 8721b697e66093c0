/** What the signed-in person may do here; the cloud has the last word. Hiding what would be refused is a kindness, no wall. */
import { useOffice } from '../office.ts';

export function useMay(_permission: string): boolean {
  const { state } = useOffice();
  return state.user?.merchant != null;
}
