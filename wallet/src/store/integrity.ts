/** The marker's place in the database and its mirrors, together: is this phone's memory whole, and how to go on. */
import { getMeta, putMeta } from './database.ts';
import {
  judgeMarkers,
  newestMarker,
  readMirrors,
  writeMirrors,
  type Integrity,
  type MarkerMirror,
} from './marker.ts';
import { freezeAll } from './records.ts';
import type { Database, Marker } from './schema.ts';

export async function checkIntegrity(
  database: Database,
  mirrors: readonly MarkerMirror[],
): Promise<Integrity> {
  const stored = (await getMeta(database, 'marker')) ?? null;
  const mirrored = await readMirrors(mirrors);
  const integrity = judgeMarkers(stored, mirrored);
  // A crash between commit and mirror leaves mirrors behind; bring them up before anything else is signed.
  if (integrity === 'intact' && stored !== null) await writeMirrors(mirrors, stored);
  return integrity;
}

/** The current epoch; the first one when this phone never signed anything. Ask only when the memory is whole. */
export async function ensureEpoch(database: Database, mirrors: readonly MarkerMirror[]): Promise<number> {
  const stored = await getMeta(database, 'marker');
  if (stored !== undefined) return stored.epoch;
  const first: Marker = { epoch: 1, count: 0 };
  await putMeta(database, 'marker', first);
  await writeMirrors(mirrors, first);
  return first.epoch;
}

/** After a loss, with the person's word: freezes what is left and starts a new epoch, in which a new key is made. */
export async function startNewEpoch(database: Database, mirrors: readonly MarkerMirror[]): Promise<void> {
  const stored = (await getMeta(database, 'marker')) ?? null;
  const newest = newestMarker([stored, ...(await readMirrors(mirrors))]);
  const next: Marker = { epoch: (newest?.epoch ?? 0) + 1, count: 0 };
  await freezeAll(database, next);
  await writeMirrors(mirrors, next);
}
