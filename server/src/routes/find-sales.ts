/**
 * A merchant looks for a sale: by the number on its receipt, by its hash, or by the six digits that the till and the phone showed
 * when it was paid. Nobody stores those: they come from the hashes of request and payment (protocol/spec/03-request.md, "Comparison
 * codes") and are computed where the payments lie. Reads only: who calls counts how often.
 */
import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { payments, sales } from '../db/schema/settlement.ts';
import { listSales } from '../settlement/index.ts';

/** With the space that both screens show. */
const PAID_CODE = /^[0-9]{3}\s?[0-9]{3}$/;
/** Each is hashed once a search: of a shop with more sales the older ones are not found by their digits. */
const LOOKED_THROUGH = 20_000;
/** Of a million codes one may stand on several sales; this many are shown. */
const MOST_SHOWN = 10;

type SalesQuery = Parameters<typeof listSales>[1];
type SalesPage = Awaited<ReturnType<typeof listSales>>;

/** As `listSales`; six digits find the sales with that code first, then the receipts with that number. */
export async function findSales(db: Executor, query: SalesQuery): Promise<SalesPage> {
  const { search, cursor, merchantId } = query;
  if (search === undefined || !PAID_CODE.test(search)) return await listSales(db, query);
  const digits = search.replace(/\s/, '');
  const byNumber = await listSales(db, { ...query, search: digits });
  if (cursor !== undefined) return byNumber;
  const ids = await salesWithCode(db, merchantId, digits);
  const byCode =
    ids.length === 0 ? [] : (await listSales(db, { merchantId, limit: MOST_SHOWN, cursor, ids })).items;
  const found = new Set(byCode.map(({ paymentHash }) => paymentHash));
  const rest = byNumber.items.filter(({ paymentHash }) => !found.has(paymentHash));
  return { items: [...byCode, ...rest], nextCursor: byNumber.nextCursor };
}

/**
 * `paidCode` of protocol/src/comparison-code.ts in SQL, held to it by a test. A payment ends with the request's hash, five bytes of
 * time, two of the signature's head and its 64.
 */
async function salesWithCode(db: Executor, merchantId: string, digits: string): Promise<bigint[]> {
  const rows = await db.execute<{ id: string }>(sql`
    with newest as (
      select ${sales.id} as id, ${sales.paymentHash} as payment_hash from ${sales}
      where ${sales.merchantId} = ${merchantId} and ${sales.counted} and ${sales.paymentHash} is not null
      order by ${sales.id} desc limit ${LOOKED_THROUGH}
    ), hashed as (
      select newest.id, sha256(
        decode('8369' || encode('tiki-paid', 'hex') || '5820', 'hex')
        || substring(${payments.bytes} from octet_length(${payments.bytes}) - 102 for 32)
        || decode('5820', 'hex') || newest.payment_hash) as code
      from newest join ${payments} on ${payments.paymentHash} = newest.payment_hash
    )
    select id from hashed
    where ((get_byte(code, 0)::bigint << 24) + (get_byte(code, 1) << 16) + (get_byte(code, 2) << 8) + get_byte(code, 3))
      % 1000000 = ${digits}::int
    order by id desc limit ${MOST_SHOWN}`);
  return rows.map(({ id }) => BigInt(id));
}
