/** Cursors that are times of our own making. */
import { IsoTime } from '../../contract/index.ts';
import { problem } from './problem.ts';

/** Null without one. @throws ApiProblem `request_invalid` */
export function readTimeCursor(cursor: string | undefined): Date | null {
  if (cursor === undefined) return null;
  const time = IsoTime.safeParse(cursor);
  if (!time.success) throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  return new Date(time.data);
}
