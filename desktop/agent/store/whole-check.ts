/**
 * What opening a large database leaves out: that each index names each row, and that no row points to nothing. Reads only, by
 * a connection of its own, table after table so that no old state of the file is held for long.
 */
import Database from 'better-sqlite3';
import { storageFaultOf } from './faults.ts';

/** What is wrong with it; null when it is whole. */
export function findDamage(path: string): string | null {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
  try {
    const tables = db
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .pluck()
      .all();
    for (const table of tables) {
      const damage = damageOf(db, table);
      if (damage !== null) return damage;
    }
    return null;
  } catch (error) {
    if (storageFaultOf(error) !== 'damaged') throw error;
    return String(error);
  } finally {
    db.close();
  }
}

function damageOf(db: Database.Database, table: string): string | null {
  const findings = db.prepare<[], string>(`PRAGMA integrity_check("${table}")`).pluck().all();
  if (findings.length !== 1 || findings[0] !== 'ok') return findings.slice(0, 5).join('; ');
  const orphans = db.prepare(`PRAGMA foreign_key_check("${table}")`).all();
  return orphans.length === 0 ? null : `${orphans.length} rows of ${table} point to nothing`;
}
