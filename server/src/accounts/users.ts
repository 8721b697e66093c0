/** Reading people. Writing them is `registrations.ts`. */
import { and, eq, isNull, type SQL } from 'drizzle-orm';
import type { TeamRole, User } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { merchants, teamMembers, type UserRole, users } from '../db/schema/accounts.ts';

/** Somebody, without what proves that it is they. */
export interface StoredPerson {
  readonly id: string;
  readonly role: UserRole;
  readonly phone: string;
  readonly username: string;
  /** Whom the person works for. */
  readonly merchant: {
    readonly id: string;
    readonly businessName: string;
    readonly teamRole: TeamRole;
  } | null;
}

export interface StoredUser extends StoredPerson {
  readonly passwordHash: string;
}

/** Where the person works, as two outer joins see it. */
const columns = {
  id: users.id,
  role: users.role,
  phone: users.phone,
  username: users.username,
  merchantId: merchants.id,
  businessName: merchants.businessName,
  teamRole: teamMembers.role,
};

interface Row {
  readonly id: string;
  readonly role: UserRole;
  readonly phone: string;
  readonly username: string;
  readonly merchantId: string | null;
  readonly businessName: string | null;
  readonly teamRole: TeamRole | null;
}

function withMerchant<R extends Row>({ merchantId: id, businessName, teamRole, ...user }: R) {
  const isEmployed = id !== null && businessName !== null && teamRole !== null;
  return { ...user, merchant: isEmployed ? { id, businessName, teamRole } : null };
}

const living = and(eq(teamMembers.userId, users.id), isNull(teamMembers.endedAt));

async function findUser(executor: Executor, isWanted: SQL): Promise<StoredUser | undefined> {
  const [row] = await executor
    .select({ ...columns, passwordHash: users.passwordHash })
    .from(users)
    .leftJoin(teamMembers, living)
    .leftJoin(merchants, eq(merchants.id, teamMembers.merchantId))
    .where(isWanted);
  return row === undefined ? undefined : withMerchant(row);
}

/** For who may know of people and not of their passwords. */
export async function findStoredPerson(
  executor: Executor,
  wanted: { readonly id: string } | { readonly phone: string },
): Promise<StoredPerson | undefined> {
  const [row] = await executor
    .select(columns)
    .from(users)
    .leftJoin(teamMembers, living)
    .leftJoin(merchants, eq(merchants.id, teamMembers.merchantId))
    .where('id' in wanted ? eq(users.id, wanted.id) : eq(users.phone, wanted.phone));
  return row === undefined ? undefined : withMerchant(row);
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
