/** The public door of the accounts room. */
export {
  type Authenticator,
  createAuthenticator,
  credentialOf,
  type SignedIn,
  type SignedInMerchant,
} from './authenticate.ts';
export { findUserByPhone, findUserView } from './users.ts';
export { maskName, maskPhone, normalisePhone } from './phone.ts';
export { Registrations } from './registrations.ts';
export { Sessions } from './sessions.ts';
export { logIn, openSession, refresh, type SessionGrant } from './log-in.ts';
export { createTokens, type Tokens } from './tokens.ts';
