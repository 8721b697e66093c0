/**
 * A merchant's team: who works there, as what, and who is invited.
 *
 * Owns: the tables `team_members` and `team_invitations`. What each role may do is data in the contract (`team.ts`); here stands
 * only whom a role may change. Never: tells who invites whether a number has an account.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, asc, eq, gt, isNull, ne } from 'drizzle-orm';
import type { InvitedRole, ReceivedInvitations, TeamRole, TeamView } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db, Executor, Tx } from '../db/client.ts';
import { inTransaction, violatedConstraint } from '../db/retry.ts';
import { merchants, teamInvitations, teamMembers, users } from '../db/schema/accounts.ts';
import { problem } from '../http/problem.ts';

/** Long enough for a new cashier's first day, short enough that a mistyped number does not wait for ever. */
const INVITATION_MS = 7 * 24 * 3_600_000;

interface Needs {
  readonly db: Db;
  readonly clock: Clock;
}

interface ReadNeeds {
  readonly db: Executor;
  readonly clock: Clock;
}

export interface Membership {
  readonly merchantId: string;
  readonly role: TeamRole;
}

export async function findMembership(executor: Executor, userId: string): Promise<Membership | null> {
  const [found] = await executor
    .select({ merchantId: teamMembers.merchantId, role: teamMembers.role })
    .from(teamMembers)
    .where(and(eq(teamMembers.userId, userId), isNull(teamMembers.endedAt)));
  return found ?? null;
}

/** The person who registered the business. */
export async function findOwner(executor: Executor, merchantId: string): Promise<string> {
  const [found] = await executor
    .select({ userId: merchants.ownerUserId })
    .from(merchants)
    .where(eq(merchants.id, merchantId));
  if (found === undefined) throw new Error(`merchant ${merchantId} has no owner`);
  return found.userId;
}

/** Who acts on a team. */
export interface TeamActor {
  readonly userId: string;
  readonly merchantId: string;
  readonly teamRole: TeamRole;
}

/** A manager manages cashiers; nobody makes somebody their own equal or changes one. The owner is above all, and stays. */
function mayChange(actor: TeamRole, target: TeamRole): boolean {
  return target !== 'owner' && (actor === 'owner' || target === 'cashier');
}

export async function readTeam({ db, clock }: ReadNeeds, actor: TeamActor): Promise<TeamView> {
  const members = await db
    .select({ id: users.id, username: users.username, phone: users.phone, member: teamMembers })
    .from(teamMembers)
    .innerJoin(users, eq(users.id, teamMembers.userId))
    .where(and(eq(teamMembers.merchantId, actor.merchantId), isNull(teamMembers.endedAt)))
    .orderBy(asc(teamMembers.addedAt), asc(teamMembers.id));
  const invited = await db
    .select()
    .from(teamInvitations)
    .where(and(eq(teamInvitations.merchantId, actor.merchantId), isOpen(clock)))
    .orderBy(asc(teamInvitations.createdAt));
  return {
    members: members.map(({ id, username, phone, member }) => ({
      id,
      username,
      phone,
      role: member.role,
      addedAt: member.addedAt.toISOString(),
      isSelf: id === actor.userId,
    })),
    invitations: invited.map(({ id, phone, role, createdAt, expiresAt }) => ({
      id,
      phone,
      role,
      createdAt: createdAt.toISOString(),
      expiresAt: expiresAt.toISOString(),
    })),
  };
}

const isOpen = (clock: Clock) =>
  and(isNull(teamInvitations.endedAt), gt(teamInvitations.expiresAt, new Date(clock.nowMs())));

/** @throws ApiProblem `not_permitted` */
export async function invite(
  { db, clock }: Needs,
  actor: TeamActor,
  invitation: { readonly phone: string; readonly role: InvitedRole },
): Promise<void> {
  if (!mayChange(actor.teamRole, invitation.role)) throw problem('not_permitted');
  const createdAt = new Date(clock.nowMs());
  const isSame = and(
    eq(teamInvitations.merchantId, actor.merchantId),
    eq(teamInvitations.phone, invitation.phone),
    isNull(teamInvitations.endedAt),
  );
  await inTransaction(db, async (tx) => {
    const [open] = await tx.select().from(teamInvitations).where(isSame).for('update');
    // A manager does not take back what the owner offered.
    if (open !== undefined && !mayChange(actor.teamRole, open.role)) throw problem('not_permitted');
    await tx.update(teamInvitations).set({ endedAt: createdAt, endedReason: 'withdrawn' }).where(isSame);
    await tx.insert(teamInvitations).values({
      id: randomUUIDv7(),
      merchantId: actor.merchantId,
      ...invitation,
      invitedBy: actor.userId,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + INVITATION_MS),
    });
  });
}

/** @throws ApiProblem `invitation_not_found`, for other teams' too; `not_permitted` */
export async function withdrawInvitation({ db, clock }: Needs, actor: TeamActor, id: string): Promise<void> {
  const own = and(
    eq(teamInvitations.id, id),
    eq(teamInvitations.merchantId, actor.merchantId),
    isOpen(clock),
  );
  const [open] = await db.select().from(teamInvitations).where(own);
  if (open === undefined) throw problem('invitation_not_found');
  if (!mayChange(actor.teamRole, open.role)) throw problem('not_permitted');
  await endInvitation(db, id, { endedReason: 'withdrawn', endedAt: new Date(clock.nowMs()) });
}

/** @returns false when somebody else ended it meanwhile. */
async function endInvitation(
  executor: Executor,
  id: string,
  end: { endedReason: 'accepted' | 'declined' | 'withdrawn'; endedAt: Date },
): Promise<boolean> {
  const ended = await executor
    .update(teamInvitations)
    .set(end)
    .where(and(eq(teamInvitations.id, id), isNull(teamInvitations.endedAt)))
    .returning({ id: teamInvitations.id });
  return ended.length > 0;
}

/** Whoever gets the number next was not meant. */
export async function withdrawOffersTo(tx: Tx, phone: string, endedAt: Date): Promise<void> {
  await tx
    .update(teamInvitations)
    .set({ endedReason: 'withdrawn', endedAt })
    .where(and(eq(teamInvitations.phone, phone), isNull(teamInvitations.endedAt)));
}

/** Locked, so that two who change one person at once do it one after the other. */
async function lockMember(tx: Tx, actor: TeamActor, userId: string): Promise<Member> {
  const [member] = await tx
    .select()
    .from(teamMembers)
    .where(
      and(
        eq(teamMembers.merchantId, actor.merchantId),
        eq(teamMembers.userId, userId),
        isNull(teamMembers.endedAt),
      ),
    )
    .for('update');
  if (member === undefined) throw problem('member_not_found');
  return member;
}

/** @throws ApiProblem `member_not_found`, for other teams' too; `not_permitted` */
export async function setTeamRole(
  { db, clock }: Needs,
  actor: TeamActor,
  { userId, role }: { readonly userId: string; readonly role: InvitedRole },
): Promise<void> {
  const now = new Date(clock.nowMs());
  await inTransaction(db, async (tx) => {
    const member = await lockMember(tx, actor, userId);
    if (!mayChange(actor.teamRole, member.role) || !mayChange(actor.teamRole, role))
      throw problem('not_permitted');
    if (member.role === role) return;
    // Ended and begun anew: the table says who could do what, and when.
    await endMembership(tx, member, { endedBy: actor.userId, endedAt: now });
    const { merchantId } = actor;
    await tx
      .insert(teamMembers)
      .values({ id: randomUUIDv7(), merchantId, userId, role, addedBy: actor.userId, addedAt: now });
  });
}

/** @throws ApiProblem `member_not_found`, for other teams' too; `not_permitted` */
export async function removeMember({ db, clock }: Needs, actor: TeamActor, userId: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const member = await lockMember(tx, actor, userId);
    if (!mayChange(actor.teamRole, member.role)) throw problem('not_permitted');
    await endMembership(tx, member, { endedBy: actor.userId, endedAt: new Date(clock.nowMs()) });
  });
}

type Member = typeof teamMembers.$inferSelect;

async function endMembership(tx: Tx, member: Member, end: { endedBy: string; endedAt: Date }): Promise<void> {
  await tx.update(teamMembers).set(end).where(eq(teamMembers.id, member.id));
  await endInvitationsOf(tx, member, end.endedAt);
}

/** What somebody offered goes with the right to offer it: else a number of their own is the way back in. */
async function endInvitationsOf(
  tx: Tx,
  { merchantId, userId }: Pick<Member, 'merchantId' | 'userId'>,
  endedAt: Date,
): Promise<void> {
  await tx
    .update(teamInvitations)
    .set({ endedReason: 'withdrawn', endedAt })
    .where(
      and(
        eq(teamInvitations.merchantId, merchantId),
        eq(teamInvitations.invitedBy, userId),
        isNull(teamInvitations.endedAt),
      ),
    );
}

/** @throws ApiProblem `member_not_found` for who is in no team, `not_permitted` for an owner: a business is closed, not left */
export async function leaveTeam({ db, clock }: Needs, userId: string): Promise<void> {
  const end = { endedBy: userId, endedAt: new Date(clock.nowMs()) };
  const mine = and(eq(teamMembers.userId, userId), isNull(teamMembers.endedAt));
  const left = await inTransaction(db, async (tx) => {
    const members = await tx
      .update(teamMembers)
      .set(end)
      .where(and(mine, ne(teamMembers.role, 'owner')))
      .returning();
    for (const member of members) await endInvitationsOf(tx, member, end.endedAt);
    return members;
  });
  if (left.length > 0) return;
  throw problem((await findMembership(db, userId)) === null ? 'member_not_found' : 'not_permitted');
}

/** Invitations of the person's own number, which an SMS proved. */
function receivedBy(clock: Clock, userId: string, executor: Executor) {
  return executor
    .select({
      invitation: teamInvitations,
      businessName: merchants.businessName,
      holderRole: users.role,
    })
    .from(teamInvitations)
    .innerJoin(merchants, eq(merchants.id, teamInvitations.merchantId))
    .innerJoin(users, eq(users.phone, teamInvitations.phone))
    .where(and(eq(users.id, userId), isOpen(clock)))
    .orderBy(asc(teamInvitations.createdAt));
}

export async function listReceived({ db, clock }: ReadNeeds, userId: string): Promise<ReceivedInvitations> {
  const rows = await receivedBy(clock, userId, db);
  return {
    items: rows.map(({ invitation, businessName }) => ({
      id: invitation.id,
      businessName,
      role: invitation.role,
      expiresAt: invitation.expiresAt.toISOString(),
    })),
  };
}

/**
 * @throws ApiProblem `invitation_not_found`, for other numbers' too; `already_in_a_team`; `not_permitted` for an operator, who would
 *   look after the own shop
 */
export async function answerInvitation(
  { db, clock }: Needs,
  answer: { readonly userId: string; readonly id: string; readonly isAccepted: boolean },
): Promise<void> {
  const { userId, id, isAccepted } = answer;
  const now = new Date(clock.nowMs());
  try {
    await inTransaction(db, async (tx) => {
      const rows = await receivedBy(clock, userId, tx);
      const offer = rows.find(({ invitation }) => invitation.id === id);
      if (offer === undefined) throw problem('invitation_not_found');
      if (isAccepted && offer.holderRole === 'operator') throw problem('not_permitted');
      const endedReason = isAccepted ? 'accepted' : 'declined';
      if (!(await endInvitation(tx, id, { endedReason, endedAt: now })))
        throw problem('invitation_not_found');
      if (!isAccepted) return;
      const { merchantId, role, invitedBy } = offer.invitation;
      await tx
        .insert(teamMembers)
        .values({ id: randomUUIDv7(), merchantId, userId, role, addedBy: invitedBy, addedAt: now });
    });
  } catch (error) {
    if (violatedConstraint(error) === 'team_members_living')
      throw problem('already_in_a_team', { cause: error });
    throw error;
  }
}
