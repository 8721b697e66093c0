/** Reading people. Writing them is `registrations.ts`. */
import { and, eq, isNull, type SQL } from 'drizzle-orm';
import type { TeamRole, User } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { merchants, teamMembers, type UserRole, users } from '../db/schema/accounts.ts';

export interface StoredUser {
  readonly id: string;
  readonly role: UserRole;
  readonly phone: string;
  readonly username: string;
  readonly passwordHash: string;
  /** Whom the person works for. */
  readonly merchant: {
    readonly id: string;
    readonly businessName: string;
    readonly teamRole: TeamRole;
  } | null;
}

/** Where the person works, as two outer joins see it. */
const columns = {
  id: users.id,
  role: users.role,
  phone: users.phone,
  username: users.username,
  passwordHash: users.passwordHash,
  merchantId: merchants.id,
  businessName: merchants.businessName,
  teamRole: teamMembers.role,
};

async function findUser(executor: Executor, isWanted: SQL): Promise<StoredUser | undefined> {
  const living = and(eq(teamMembers.userId, users.id), isNull(teamMembers.endedAt));
  const [row] = await executor
    .select(columns)
    .from(users)
    .leftJoin(teamMembers, living)
    .leftJoin(merchants, eq(merchants.id, teamMembers.merchantId))
    .where(isWanted);
  if (row === undefined) return undefined;
  const { merchantId: id, businessName, teamRole, ...user } = row;
  const isEmployed = id !== null && businessName !== null && teamRole !== null;
  return { ...user, merchant: isEmployed ? { id, businessName, teamRole } : null };
}

/** By E.164 number; undefined when nobody has it. */
export function findUserByPhone(executor: Executor, phone: string): Promise<StoredUser | undefined> {
  return findUser(executor, eq(users.phone, phone));
}

export function findUserById(executor: Executor, id: string): Promise<StoredUser | undefined> {
  return findUser(executor, eq(users.id, id));
}

/** The user as the API shows them to themselves. */
export function userView(user: StoredUser, currency: string): User {
  const { id, role, phone, username, merchant } = user;
  return { id, role, phone, username, currency, merchant };
}

export async function findUserView(
  executor: Executor,
  id: string,
  currency: string,
): Promise<User | undefined> {
  const user = await findUserById(executor, id);
  return user === undefined ? undefined : userView(user, currency);
}
