/**
 * Notices a database that was evicted or went back in time (R34). The count of everything ever signed is kept in the
 * database and mirrored in two other places; a mirror that knows more than the database means that the database
 * lost something, and then nothing may be signed: a counter could be used twice.
 *
 * The mirror is written after the database's commit and before anything is sent, so a crash in between leaves the
 * mirror behind, which is harmless, and never ahead.
 */
import type { Marker } from './schema.ts';

export type Integrity = 'intact' | 'lost' | 'rolled_back';

/** A place outside the database that remembers the marker. Reading answers null when it has none. */
export interface MarkerMirror {
  read(): Promise<Marker | null>;
  write(marker: Marker): Promise<void>;
}

/** Negative when `a` is older than `b`. */
export function compareMarkers(a: Marker, b: Marker): number {
  return a.epoch - b.epoch || a.count - b.count;
}

export function judgeMarkers(stored: Marker | null, mirrored: readonly (Marker | null)[]): Integrity {
  const known = mirrored.filter((marker) => marker !== null);
  if (stored === null) return known.length === 0 ? 'intact' : 'lost';
  return known.some((marker) => compareMarkers(stored, marker) < 0) ? 'rolled_back' : 'intact';
}

/** The newest of all: where a new epoch starts after. */
export function newestMarker(markers: readonly (Marker | null)[]): Marker | null {
  return markers.reduce<Marker | null>(
    (newest, marker) =>
      marker !== null && (newest === null || compareMarkers(newest, marker) < 0) ? marker : newest,
    null,
  );
}

function parseMarker(text: string | null): Marker | null {
  const match = /^(\d{1,9}):(\d{1,9})$/.exec(text ?? '');
  return match === null ? null : { epoch: Number(match[1]), count: Number(match[2]) };
}

const MARKER_NAME = 'tiki.marker';

export function localStorageMirror(storage: Storage): MarkerMirror {
  return {
    read: () => Promise.resolve(parseMarker(storage.getItem(MARKER_NAME))),
    write: (marker) => {
      storage.setItem(MARKER_NAME, `${marker.epoch}:${marker.count}`);
      return Promise.resolve();
    },
  };
}

/** The Cache API is evicted apart from script storage in some browsers and survives a cleared localStorage. */
export function cacheMirror(caches: CacheStorage): MarkerMirror {
  const address = '/tiki-marker';
  return {
    async read() {
      const found = await (await caches.open(MARKER_NAME)).match(address);
      return found === undefined ? null : parseMarker(await found.text());
    },
    async write(marker) {
      await (await caches.open(MARKER_NAME)).put(address, new Response(`${marker.epoch}:${marker.count}`));
    },
  };
}

/** Reads all mirrors; one that cannot be read counts as one that remembers nothing. */
export async function readMirrors(mirrors: readonly MarkerMirror[]): Promise<readonly (Marker | null)[]> {
  const answers = await Promise.allSettled(mirrors.map((mirror) => mirror.read()));
  return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : null));
}

/** Brings every mirror up to `marker`. @returns false when none of them took it. */
export async function writeMirrors(mirrors: readonly MarkerMirror[], marker: Marker): Promise<boolean> {
  const answers = await Promise.allSettled(mirrors.map((mirror) => mirror.write(marker)));
  return answers.some((answer) => answer.status === 'fulfilled');
}
