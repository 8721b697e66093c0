/** Reading people. Writing them is `registrations.ts`. */
import { eq } from 'drizzle-orm';
import type { User } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { merchants, type UserRole, users } from '../db/schema/accounts.ts';

export interface StoredUser {
  readonly id: string;
  readonly role: UserRole;
  readonly phone: string;
  readonly username: string;
  readonly passwordHash: string;
  readonly merchant: { readonly id: string; readonly businessName: string } | null;
}

const columns = {
  id: users.id,
  role: users.role,
  phone: users.phone,
  username: users.username,
  passwordHash: users.passwordHash,
  merchant: { id: merchants.id, businessName: merchants.businessName },
};

/** By E.164 number; undefined when nobody has it. */
export async function findUserByPhone(executor: Executor, phone: string): Promise<StoredUser | undefined> {
  const [row] = await executor
    .select(columns)
    .from(users)
    .leftJoin(merchants, eq(merchants.ownerUserId, users.id))
    .where(eq(users.phone, phone));
  return row;
}

export async function findUserById(executor: Executor, id: string): Promise<StoredUser | undefined> {
  const [row] = await executor
    .select(columns)
    .from(users)
    .leftJoin(merchants, eq(merchants.ownerUserId, users.id))
    .where(eq(users.id, id));
  return row;
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
