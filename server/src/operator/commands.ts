/**
 * The operator's commands: each reads through the room that owns the matter and answers text.
 *
 * Owns: names, arguments and layout. Never: writes to the database but through the room that owns the matter.
 */
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { toBase64Url } from '@tikiwallet/protocol';
import { readConfig } from '../config.ts';
import { normalisePhone } from '../accounts/index.ts';
import type { Db } from '../db/client.ts';
import { trustState } from '../db/schema/trust.ts';
import { problem } from '../http/problem.ts';
import { statementCsv } from '../ledger/index.ts';
import { formatMinor } from '../ledger/print.ts';
import { afterRestore, correctTime, revokeIssuer, rotateSealingKey } from '../trust/index.ts';
import { appointOperator } from './appoint.ts';
import { doubleSpendProof, exportJournal, listClaims, listDoubleSpends } from '../settlement/index.ts';

export interface OperatorCommand {
  /** Names of its arguments, all required. */
  readonly takes: readonly string[];
  readonly purpose: string;
  run(db: Db, args: readonly string[]): Promise<string>;
}

/** More rows than a terminal is read for; a longer list is the database's business. */
const SHOWN = 100;
const Id = z.uuid();

async function rootPublicKey(db: Db): Promise<Uint8Array> {
  const [state] = await db.select({ root: trustState.rootPublicKey }).from(trustState);
  if (state === undefined) throw problem('not_found', { detail: 'This server has never been started.' });
  return state.root;
}

function idOf(text: string | undefined): string {
  const id = Id.safeParse(text);
  if (!id.success) throw problem('request_invalid', { detail: `${text ?? ''} is no id.` });
  return id.data;
}

/** Never over a file that exists: what was exported before may be evidence already. */
function writeNew(path: string | undefined, bytes: Uint8Array): string {
  const name = path ?? '';
  writeFileSync(name, bytes, { flag: 'wx', mode: 0o600 });
  return name;
}

/** The same for what comes in pieces. */
async function toNewFile(
  path: string,
  work: (write: (piece: string | Uint8Array) => void) => Promise<string>,
): Promise<string> {
  const file = openSync(path, 'wx', 0o600);
  try {
    return await work((piece) => {
      writeSync(file, typeof piece === 'string' ? Buffer.from(piece) : piece);
    });
  } catch (error) {
    // Half a journal, or a statement without its end, would look like a whole one.
    rmSync(path);
    throw error;
  } finally {
    closeSync(file);
  }
}

const doubleSpends: OperatorCommand = {
  takes: [],
  purpose: 'proven double spends, newest first',
  async run(db) {
    const { items } = await listDoubleSpends(db, { merchantId: null, limit: SHOWN, cursor: undefined });
    if (items.length === 0) return 'No double spend has been proven.';
    return items
      .map((found) => {
        const head = `${found.id}  ${found.foundAt}  ${found.rule}  ${found.maskedPhone}  allowance ${found.allowanceId} of ${formatMinor(BigInt(found.capMinor), found.currency)} ${found.currency}`;
        const lines = found.payments.map(
          (payment) =>
            `    ${payment.paymentHash.slice(0, 16)}  ${formatMinor(BigInt(payment.amountMinor), found.currency).padStart(12)}  ${payment.outcome}`,
        );
        return [head, ...lines].join('\n');
      })
      .join('\n');
  },
};

const claims: OperatorCommand = {
  takes: [],
  purpose: "customers' receipts for kiosks that are lost, newest first",
  async run(db) {
    const { items } = await listClaims(db, { merchantId: null, limit: SHOWN, cursor: undefined });
    if (items.length === 0) return 'No claim has been made.';
    return items
      .map((claim) =>
        [
          claim.claimedAt,
          claim.state.padEnd(11),
          `${formatMinor(BigInt(claim.amountMinor), claim.currency)} ${claim.currency}`.padStart(16),
          claim.paymentHash.slice(0, 16),
          `kiosk ${claim.kioskId} (${claim.kioskName}), receipt ${claim.sequence}`,
          claim.contradictsJournal ? "CONTRADICTS THE KIOSK'S JOURNAL" : '',
        ]
          .join('  ')
          .trimEnd(),
      )
      .join('\n');
  },
};

const POCKETS = new Map([
  ['customer', 'user_online'],
  ['merchant', 'merchant_available'],
] as const);

const statement: OperatorCommand = {
  takes: ['customer|merchant', 'ID', 'DAY', 'FILE'],
  purpose: "writes a day of a customer's wallet or a merchant's balance to a new CSV file",
  async run(db, [whose, owner, day = '', path = '']) {
    const kind = whose === 'customer' || whose === 'merchant' ? POCKETS.get(whose) : undefined;
    if (kind === undefined)
      throw problem('request_invalid', { detail: `${whose} is no customer or merchant.` });
    if (!z.iso.date().safeParse(day).success)
      throw problem('request_invalid', { detail: `${day} is no day like 2026-11-30.` });
    const { currency, offline } = readConfig(process.env);
    const query = { kind, ownerId: idOf(owner), currency, period: day, timeZone: offline.timeZone };
    return toNewFile(path, async (write) => {
      await db.transaction(
        async (tx) => {
          for await (const piece of statementCsv((work) => work(tx), query)) write(piece);
        },
        { isolationLevel: 'repeatable read', accessMode: 'read only' },
      );
      return `${path} is written.`;
    });
  },
};

const exportProof: OperatorCommand = {
  takes: ['CASE', 'FILE'],
  purpose: 'writes the proof of one case to a new file that anybody can check',
  async run(db, [caseId, path]) {
    const root = await rootPublicKey(db);
    const query = { caseId: idOf(caseId), merchantId: null };
    const file = writeNew(path, await doubleSpendProof(db, { rootPublicKey: root }, query));
    return `${file} is written. Anybody checks it with:\n  npx tikiwallet verify-fork ${file} --root ${toBase64Url(root)}`;
  },
};

const journalFile: OperatorCommand = {
  takes: ['KIOSK', 'FILE'],
  purpose: "writes a kiosk's stored journal to a new file that anybody can check",
  async run(db, [kioskId, path = '']) {
    const root = await rootPublicKey(db);
    const id = idOf(kioskId);
    return toNewFile(path, async (write) => {
      const entries = await exportJournal(db, id, write);
      return `${path} holds ${entries} entries. Anybody checks it with:\n  npx tikiwallet verify-journal ${path} --root ${toBase64Url(root)}`;
    });
  },
};

const revoke: OperatorCommand = {
  takes: ['GENERATION', 'HOURS'],
  purpose: 'a former issuer key leaked: what it certified ends everywhere in that many hours (0: at once)',
  async run(db, [generation = '', hours = '']) {
    if (!/^[1-9][0-9]{0,6}$/.test(generation) || !/^[0-9]{1,4}$/.test(hours))
      throw problem('request_invalid', { detail: 'GENERATION and HOURS are whole numbers.' });
    const honouredUntil = Math.floor(Date.now() / 1000) + Number(hours) * 3600;
    await revokeIssuer(db, { generation: Number(generation), honouredUntil });
    return `From ${new Date(honouredUntil * 1000).toISOString()} on nothing is accepted that generation ${generation} certified. Kiosks get new certificates at their next contact; customers load their offline wallet anew.`;
  },
};

const correctClock: OperatorCommand = {
  takes: [],
  purpose: "the server's clock ran ahead and was set right: signs the right time from now on",
  async run(db) {
    await correctTime(db);
    return `The next trust bundle carries this machine's time, ${new Date().toISOString()}. Kiosks and phones that took the wrong one go back to it at their next contact.`;
  },
};

const steppedAhead: OperatorCommand = {
  takes: [],
  purpose:
    'PostgreSQL brought the database back from an earlier moment: what tills know since then is passed by',
  async run(db) {
    await afterRestore(db);
    return 'Trust and the sealing key are ahead of all that may have been forgotten. Tills and phones take them at their next contact.';
  },
};

const rotateSealing: OperatorCommand = {
  takes: ['planned|leaked'],
  purpose: 'a new key for kiosks to seal their batches to; leaked: the former ones open nothing from now on',
  async run(db, [why]) {
    if (why !== 'planned' && why !== 'leaked')
      throw problem('request_invalid', { detail: 'Say planned or leaked.' });
    const { keysSecret: secret } = readConfig(process.env);
    await rotateSealingKey({ db, clock: { nowMs: () => Date.now() }, secret }, { leaked: why === 'leaked' });
    return why === 'leaked'
      ? 'Kiosks get the new key at their next contact and seal anew what was refused. What was recorded under a leaked key can be read by whoever has both.'
      : 'Kiosks get the new key at their next contact. The former one opens what is sealed to it for fifteen days, then nothing.';
  },
};

const appoint: OperatorCommand = {
  takes: ['PHONE'],
  purpose:
    'makes an operator of somebody who has registered and never topped up; PHONE with + and country code',
  async run(db, [phone = '']) {
    const name = await appointOperator(db, normalisePhone(phone, ''));
    return `${name} is an operator now: signs in at /operator with the same number and password, and no longer in the wallet.`;
  },
};

export const COMMANDS: Readonly<Record<string, OperatorCommand>> = {
  'double-spends': doubleSpends,
  'export-proof': exportProof,
  claims,
  'revoke-issuer': revoke,
  'correct-time': correctClock,
  'after-restore': steppedAhead,
  'rotate-sealing-key': rotateSealing,
  'export-journal': journalFile,
  statement,
  'appoint-operator': appoint,
};

export function usage(): string {
  const lines = Object.entries(COMMANDS).map(
    ([name, { takes, purpose }]) => `  npm run operator -- ${[name, ...takes].join(' ')}\n      ${purpose}`,
  );
  return ['usage:', ...lines].join('\n');
}
