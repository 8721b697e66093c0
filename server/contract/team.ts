/** A merchant's team: its people, and who is invited. What each may do is permissions.ts. */
import { z } from 'zod';
import { TEAM_ROLES } from './permissions.ts';
import { IsoTime, PhoneInput, PhoneNumber, Uuid } from './primitives.ts';

export { mayDo, type Permission, PERMISSIONS, PERMISSIONS_OF, TEAM_ROLES } from './permissions.ts';

export const TeamRole = z.enum(TEAM_ROLES);
export type TeamRole = z.infer<typeof TeamRole>;

/** The owner is whoever registered the business, and is not given away. */
export const InvitedRole = TeamRole.exclude(['owner']);
export type InvitedRole = z.infer<typeof InvitedRole>;

export const TeamMember = z.object({
  id: Uuid,
  username: z.string(),
  phone: PhoneNumber,
  role: TeamRole,
  addedAt: IsoTime,
  /** The person who asks. */
  isSelf: z.boolean(),
});
export const TeamInvitation = z.object({
  id: Uuid,
  phone: PhoneNumber,
  role: InvitedRole,
  createdAt: IsoTime,
  expiresAt: IsoTime,
});
/** `GET /v1/merchant/team`. */
export const TeamView = z.object({
  members: z.array(TeamMember),
  /** Open ones. */
  invitations: z.array(TeamInvitation),
});
export type TeamView = z.infer<typeof TeamView>;

/**
 * `POST /v1/merchant/team/invitations` answers {@link TeamView}, whether or not the number has an account. Another invitation of
 * the same number takes the place of the first.
 */
export const InviteBody = z.object({ phone: PhoneInput, role: InvitedRole });
/** `DELETE /v1/merchant/team/invitations/{id}` answers {@link TeamView}. */
/** `PUT /v1/merchant/team/members/{id}` answers {@link TeamView}. */
export const SetTeamRoleBody = z.object({ role: InvitedRole });
/** `DELETE /v1/merchant/team/members/{id}` answers {@link TeamView}: at once, in sessions that are open too. */

/** `GET /v1/team-invitations`: what is offered to the number of the signed-in person. */
export const ReceivedInvitation = z.object({
  id: Uuid,
  businessName: z.string(),
  role: InvitedRole,
  expiresAt: IsoTime,
});
export const ReceivedInvitations = z.object({ items: z.array(ReceivedInvitation) });
export type ReceivedInvitations = z.infer<typeof ReceivedInvitations>;
/**
 * `POST /v1/team-invitations/{id}/accept` and `.../decline`, no body, answer `User` as it is afterwards. `DELETE /v1/team-membership`
 * leaves the team and answers the same.
 */
