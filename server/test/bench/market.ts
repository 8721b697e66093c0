/**
 * Shops, kiosks and phones by the thousand, laid out in SQL as the product would have made them, and what phones and
 * kiosks sign: for measurements, where registering everybody over the API would take longer than what is measured.
 */
import { createHash, randomBytes, randomUUIDv7 } from 'node:crypto';
import {
  ASSURANCE,
  encodeJournalEntry,
  encodeSaleBody,
  encodeSettlementEnvelope,
  fromUuid,
  GENESIS_HASH,
  journalHash,
  type KioskCertificate,
  readAllowanceCertificate,
  readVouchedRequest,
  signAllowanceCertificate,
  signKioskCertificate,
  signPaymentRequest,
  signSettlementBatch,
  STANDING,
  toHex,
  verifyKioskCertificate,
} from '@tikiwallet/protocol';
import type { Sql } from 'postgres';
import type { ServerContext } from '../../src/context.ts';
import type { EnrolledKiosk } from '../../src/kiosks/index.ts';
import { pgArray } from '../../src/db/pg-array.ts';
import { must } from '../../src/trust/index.ts';
import { newKey, type OfflineWallet, pay } from '../simulated-phone.ts';
/** What laying out needs of a cloud, measured or tested. */
export interface MarketCloud {
  readonly context: Pick<ServerContext, 'db' | 'offline'>;
  /** As the owner: lays out what the product would take long to make. */
  readonly owner: Sql;
}

const CURRENCY = 'SGD';
const DAY = 24 * 3600;

export interface BenchKiosk {
  readonly kiosk: EnrolledKiosk;
  readonly token: string;
  readonly certificate: KioskCertificate;
  readonly key: ReturnType<typeof newKey>;
  readonly journal: { readonly bytes: Uint8Array; readonly hash: Uint8Array; readonly amountMinor: bigint }[];
}

const nowSeconds = () => Math.floor(Date.now() / 1000);
const hex = (bytes: Uint8Array) => toHex(bytes);

async function insert(
  cloud: MarketCloud,
  table: string,
  columns: Readonly<Record<string, readonly [type: string, values: readonly (string | null)[]]>>,
): Promise<void> {
  const names = Object.keys(columns);
  const types = Object.values(columns).map(([type], index) =>
    type === 'bytea' ? `decode(c${index}, 'hex')` : `c${index}::${type}`,
  );
  const arrays = Object.values(columns).map((_, index) => `$${index + 1}::text[]`);
  const aliases = names.map((_, index) => `c${index}`);
  await cloud.owner.unsafe(
    `insert into ${table} (${names.join(', ')}) select ${types.join(', ')} from unnest(${arrays.join(', ')}) as t (${aliases.join(', ')})`,
    Object.values(columns).map(([, values]) => pgArray(values)),
  );
}

async function addUsers(cloud: MarketCloud, role: 'customer' | 'merchant', count: number) {
  const ids = Array.from({ length: count }, () => randomUUIDv7());
  await insert(cloud, 'users', {
    id: ['uuid', ids],
    role: ['text', ids.map(() => role)],
    phone: ['text', ids.map((id) => phoneOf(id))],
    username: ['text', ids.map((id) => `bench ${id}`)],
    password_hash: ['text', ids.map(() => '$argon2id$none')],
  });
  return ids;
}

const phones = new Map<string, string>();

/** A valid mobile number of Singapore that no other user of the run has. */
export function phoneOf(id: string): string {
  const phone = phones.get(id) ?? `+658${1_000_000 + phones.size}`;
  phones.set(id, phone);
  return phone;
}

/** Accounts with `balanceMinor` each, so opened that the ledger's sums still hold. @returns ids in order */
export async function openAccounts(
  cloud: MarketCloud,
  kind: string,
  owners: readonly string[],
  holders: readonly string[],
  balanceMinor: bigint,
): Promise<readonly string[]> {
  const ids = owners.map(() => randomUUIDv7());
  await insert(cloud, 'ledger_accounts', {
    id: ['uuid', ids],
    kind: ['text', ids.map(() => kind)],
    owner_id: ['uuid', owners],
    holder_id: ['uuid', holders],
    currency: ['text', ids.map(() => CURRENCY)],
  });
  if (balanceMinor > 0n) await fund(cloud, ids, balanceMinor);
  return ids;
}

async function fund(cloud: MarketCloud, accountIds: readonly string[], amountMinor: bigint): Promise<void> {
  const opening = await openingAccount(cloud);
  const transfers = accountIds.map(() => randomUUIDv7());
  await cloud.owner`
    with t as (
      insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      select id, 'opening', 'bench:' || id, '\\x00', '{}' from unnest(${pgArray(transfers)}::uuid[]) as n (id)
    ), e as (
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select t, a, ${CURRENCY}, ${amountMinor.toString()}::bigint from unnest(${pgArray(transfers)}::uuid[], ${pgArray(accountIds)}::uuid[]) as n (t, a)
      union all
      select t, ${opening}::uuid, ${CURRENCY}, -${amountMinor.toString()}::bigint from unnest(${pgArray(transfers)}::uuid[]) as n (t)
    ), b as (
      update ledger_accounts set balance_minor = balance_minor + ${amountMinor.toString()}::bigint
      where id = any (${pgArray(accountIds)}::uuid[])
    )
    update ledger_accounts set balance_minor = balance_minor - ${(amountMinor * BigInt(accountIds.length)).toString()}::bigint
    where id = ${opening}`;
}

async function openingAccount(cloud: MarketCloud): Promise<string> {
  await cloud.owner`
    insert into ledger_accounts (id, kind, currency) values (${randomUUIDv7()}, 'opening', ${CURRENCY}) on conflict do nothing`;
  const [row] = await cloud.owner<{ id: string }[]>`
    select id from ledger_accounts where kind = 'opening' and currency = ${CURRENCY}`;
  return row?.id ?? '';
}

/** Customers with money online. */
export async function addCustomers(cloud: MarketCloud, count: number, balanceMinor: bigint) {
  const users = await addUsers(cloud, 'customer', count);
  const accounts = await openAccounts(cloud, 'user_online', users, users, balanceMinor);
  return users.map((userId, index) => ({ userId, accountId: accounts[index] ?? '', phone: phoneOf(userId) }));
}

/** Kiosks, each of a merchant of its own. */
export async function addKiosks(cloud: MarketCloud, count: number): Promise<readonly BenchKiosk[]> {
  const owners = await addUsers(cloud, 'merchant', count);
  const merchants = owners.map(() => randomUUIDv7());
  await insert(cloud, 'merchants', {
    id: ['uuid', merchants],
    owner_user_id: ['uuid', owners],
    business_name: ['text', merchants.map(() => 'Warung Sari')],
  });
  const accounts = await openAccounts(cloud, 'merchant_available', merchants, owners, 0n);
  const made = await Promise.all(
    merchants.map((merchantId, index) =>
      certifyKiosk(cloud, {
        merchantId,
        accountId: accounts[index] ?? '',
        phone: phoneOf(owners[index] ?? ''),
      }),
    ),
  );
  const at = new Date().toISOString();
  await insert(cloud, 'kiosks', {
    id: ['uuid', made.map(({ kiosk }) => kiosk.kioskId)],
    merchant_id: ['uuid', merchants],
    idempotency_key: ['text', made.map(({ kiosk }) => kiosk.kioskId)],
    name: ['text', made.map(() => 'Till 1')],
    status: ['text', made.map(() => 'active')],
    currency: ['text', made.map(() => CURRENCY)],
    created_at: ['timestamptz', made.map(() => at)],
  });
  await insert(cloud, 'kiosk_enrolments', {
    id: ['uuid', made.map(({ kiosk }) => kiosk.enrolmentId)],
    kiosk_id: ['uuid', made.map(({ kiosk }) => kiosk.kioskId)],
    merchant_id: ['uuid', merchants],
    merchant_account_id: ['uuid', accounts],
    signing_public_key: ['bytea', made.map(({ kiosk }) => hex(kiosk.signingPublicKey))],
    sealing_public_key: ['bytea', made.map(({ kiosk }) => hex(kiosk.sealingPublicKey))],
    code_hash: ['bytea', made.map(() => randomBytes(32).toString('hex'))],
    last_bundle_at: ['timestamptz', made.map(() => at)],
    settled_hash: ['bytea', made.map(() => hex(GENESIS_HASH))],
    reported_deny_list_version: ['int', made.map(() => '0')],
    enrolled_at: ['timestamptz', made.map(() => at)],
  });
  await insert(cloud, 'kiosk_certificates', {
    hash: ['bytea', made.map(({ certificate }) => hex(certificate.hash))],
    enrolment_id: ['uuid', made.map(({ kiosk }) => kiosk.enrolmentId)],
    certificate: ['bytea', made.map(({ certificate }) => hex(certificate.bytes))],
    not_before: ['timestamptz', made.map(({ certificate }) => iso(certificate.notBefore))],
    not_after: ['timestamptz', made.map(({ certificate }) => iso(certificate.notAfter))],
  });
  await insert(cloud, 'kiosk_tokens', {
    token_hash: [
      'bytea',
      made.map(({ token }) => createHash('sha256').update(Buffer.from(token, 'base64url')).digest('hex')),
    ],
    enrolment_id: ['uuid', made.map(({ kiosk }) => kiosk.enrolmentId)],
    created_at: ['timestamptz', made.map(() => at)],
  });
  return made;
}

const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

async function certifyKiosk(
  cloud: MarketCloud,
  shop: { readonly merchantId: string; readonly accountId: string; readonly phone: string },
): Promise<BenchKiosk> {
  const { trust } = cloud.context.offline;
  const key = newKey();
  const kioskId = randomUUIDv7();
  const draft = {
    merchantName: 'Warung Sari',
    merchantPhone: shop.phone,
    currency: CURRENCY,
    signingPublicKey: key.publicKey,
    sealingPublicKey: key.publicKey,
    perPaymentMinor: 100_000n,
    notBefore: nowSeconds(),
    notAfter: nowSeconds() + 30 * DAY,
  };
  const ids = {
    issuerKeyId: trust.issuerKeyId,
    merchantId: fromUuid(shop.merchantId),
    kioskId: fromUuid(kioskId),
  };
  const bytes = must(signKioskCertificate(draft, ids), trust.signAsIssuer);
  const certificate = must(verifyKioskCertificate(bytes, await trust.issuers(cloud.context.db)));
  const kiosk = {
    enrolmentId: randomUUIDv7(),
    kioskId,
    merchantId: shop.merchantId,
    currency: CURRENCY,
    signingPublicKey: key.publicKey,
    sealingPublicKey: key.publicKey,
    settledSequence: 0,
    sealingUnknownSince: null,
  };
  const token = randomBytes(32).toString('base64url');
  return { kiosk, token, certificate, key, journal: [] };
}

/** Phones with one allowance of `capMinor` each, its reserve filled. */
export async function addPhones(
  cloud: MarketCloud,
  count: number,
  capMinor: bigint,
): Promise<readonly OfflineWallet[]> {
  const users = await addUsers(cloud, 'customer', count);
  await openAccounts(cloud, 'user_online', users, users, 0n);
  const ids = users.map(() => randomUUIDv7());
  const reserves = await openAccounts(cloud, 'allowance_reserve', ids, users, capMinor);
  const wallets = ids.map((id) => certifyPhone(cloud, id, capMinor));
  const at = new Date().toISOString();
  await insert(cloud, 'allowances', {
    id: ['uuid', ids],
    user_id: ['uuid', users],
    idempotency_key: ['uuid', ids],
    currency: ['text', ids.map(() => CURRENCY)],
    cap_minor: ['bigint', ids.map(() => capMinor.toString())],
    reserve_account_id: ['uuid', reserves],
    not_before: ['timestamptz', wallets.map(({ allowance }) => iso(allowance.notBefore))],
    not_after: ['timestamptz', wallets.map(({ allowance }) => iso(allowance.notAfter))],
    returns_at: ['timestamptz', wallets.map(({ allowance }) => iso(allowance.notAfter + 30 * DAY))],
    certificate: ['bytea', wallets.map(({ allowance }) => hex(allowance.bytes))],
    certificate_hash: ['bytea', wallets.map(({ allowance }) => hex(allowance.hash))],
    device_public_key: ['bytea', wallets.map(({ allowance }) => hex(allowance.devicePublicKey))],
    phone_salt: ['bytea', wallets.map(() => '00'.repeat(16))],
    masked_phone: ['text', wallets.map(({ allowance }) => allowance.maskedPhone)],
    created_at: ['timestamptz', wallets.map(() => at)],
  });
  return wallets;
}

function certifyPhone(cloud: MarketCloud, id: string, capMinor: bigint): OfflineWallet {
  const { trust } = cloud.context.offline;
  const key = newKey();
  const draft = {
    devicePublicKey: key.publicKey,
    currency: CURRENCY,
    capMinor,
    perPaymentMinor: capMinor,
    firstCounter: 1,
    softCounterLimit: 50_000,
    hardCounterLimit: 60_000,
    notBefore: nowSeconds() - 60,
    notAfter: nowSeconds() + 7 * DAY,
    assurance: ASSURANCE.software,
    standing: STANDING.good,
    maskedPhone: '+65****1234',
    phoneCommitment: new Uint8Array(16),
  };
  const ids = { issuerKeyId: trust.issuerKeyId, allowanceId: fromUuid(id), payeeLock: null };
  const bytes = must(signAllowanceCertificate(draft, ids), trust.signAsIssuer);
  const { certificate: allowance } = must(readAllowanceCertificate(bytes));
  return { allowance, key, counter: 0, cumulativeMinor: 0n, lastHash: allowance.hash };
}

/** One sale a wallet, in order, as the next signed batch of this kiosk. */
export function nextBatch(
  kiosk: BenchKiosk,
  wallets: readonly OfflineWallet[],
  amountMinor = 1n,
): Uint8Array {
  const from = kiosk.journal.length + 1;
  for (const wallet of wallets) sell(kiosk, wallet, amountMinor);
  return batchOf(kiosk, { from, to: kiosk.journal.length });
}

/** Entries `from..to` of the journal, signed as one batch. */
export function batchOf(
  { journal, certificate, key }: BenchKiosk,
  { from, to }: { readonly from: number; readonly to: number },
): Uint8Array {
  const entries = journal.slice(from - 1, to);
  const head = {
    fromSequence: from,
    toSequence: to,
    saleCount: entries.length,
    saleSumMinor: entries.reduce((sum, entry) => sum + entry.amountMinor, 0n),
    previousHash: journal[from - 2]?.hash ?? GENESIS_HASH,
    headHash: journal[to - 1]?.hash ?? GENESIS_HASH,
    denyListVersion: 0,
    createdAt: nowSeconds(),
  };
  const signed = must(signSettlementBatch(head, certificate.hash), key.sign);
  return encodeSettlementEnvelope(
    certificate.hash,
    signed,
    entries.map((entry) => entry.bytes),
  );
}

/** A sale as an honest kiosk journals it. */
export function sell(
  { certificate, key, journal }: BenchKiosk,
  wallet: OfflineWallet,
  amountMinor: bigint,
): void {
  const draft = {
    requestIdBytes: new Uint8Array(randomBytes(16)),
    amountMinor,
    currency: CURRENCY,
    itemsHash: null,
    nonce: new Uint8Array(randomBytes(16)),
    issuedAt: nowSeconds(),
    ttlSeconds: 120,
    denyListVersion: 0,
    addresses: [],
    checksPhone: false,
  };
  const request = must(signPaymentRequest(draft, certificate.hash), key.sign);
  const { hash } = must(readVouchedRequest(request, certificate));
  const body = encodeSaleBody({
    kioskCertificateHash: certificate.hash,
    request,
    allowanceCertificateHash: wallet.allowance.hash,
    payment: pay(wallet, { hash, amountMinor }).bytes,
    tier: 'reserved',
    checks: 0,
  });
  const sequence = journal.length + 1;
  const previousHash = journal.at(-1)?.hash ?? GENESIS_HASH;
  const bytes = encodeJournalEntry({ sequence, previousHash, kind: 'sale', at: nowSeconds(), body });
  journal.push({ bytes, hash: must(journalHash(bytes)), amountMinor });
}
