/**
 * Who may do what in a merchant's team, as data. The one place where it stands: routes ask for a permission by its name, the
 * OpenAPI document names it beside each route, a test holds all three against each other, and the merchant's pages read it. Imports
 * nothing, so that a page can take it without the schemas.
 */
export const TEAM_ROLES = ['owner', 'manager', 'cashier'] as const;
type TeamRole = (typeof TEAM_ROLES)[number];

const CASHIER = ['sales.read', 'kiosks.read'] as const;
const MANAGER = [
  ...CASHIER,
  'kiosks.manage',
  'limits.read',
  'limits.manage',
  'disputes.read',
  'pay_outs.read',
  'team.read',
  'team.manage',
] as const;
const OWNER = [...MANAGER, 'pay_outs.order', 'bank_account.manage', 'webhooks.manage'] as const;

/** What each role may do. A manager manages cashiers only (`accounts/teams.ts`). */
export const PERMISSIONS_OF: Readonly<Record<TeamRole, readonly Permission[]>> = {
  owner: OWNER,
  manager: MANAGER,
  cashier: CASHIER,
};
export const PERMISSIONS = OWNER;
export type Permission = (typeof PERMISSIONS)[number];

export function mayDo(role: TeamRole, permission: Permission): boolean {
  return PERMISSIONS_OF[role].includes(permission);
}
