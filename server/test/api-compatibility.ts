/**
 * Would a kiosk or a phone that knows only the older description of the API still get on with the newer one?
 *
 * Both directions are one question, whether every value of one JSON Schema is a value of another: what old clients send
 * must be taken by the new server, and what the new server answers must be understood by old clients, who ignore fields
 * that they do not know. Understands the schemas that our generator writes; no judge of JSON Schema in general.
 */
import { z } from 'zod';

type Json = Readonly<Record<string, unknown>>;
const Fields = z.record(z.string(), z.unknown());
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

function object(value: unknown): Json {
  const parsed = Fields.safeParse(value);
  return parsed.success ? parsed.data : {};
}
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const words = (value: unknown) => list(value).filter((one) => typeof one === 'string');

/** @returns a sentence for each thing that breaks an old client; empty when nothing does. */
export function breakingChanges(older: unknown, newer: unknown): string[] {
  const [before, now] = [object(older), object(newer)];
  return Object.entries(object(before['paths'])).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const was = object(item)[method];
      if (was === undefined) return [];
      const name = `${method.toUpperCase()} ${path}`;
      const is = object(object(now['paths'])[path])[method];
      if (is === undefined) return [`${name}: is gone`];
      const sides = { was: new Reader(before), is: new Reader(now) };
      return [
        ...brokenInput(object(was), object(is), sides),
        ...brokenOutput(object(was), object(is), sides),
      ].map((reason) => `${name}: ${reason}`);
    }),
  );
}

interface Sides {
  readonly was: Reader;
  readonly is: Reader;
}

function brokenInput(was: Json, is: Json, sides: Sides): string[] {
  const found: string[] = [];
  if (list(was['security']).length === 0 && list(is['security']).length > 0)
    found.push('now needs a sign-in');
  const key = (parameter: Json) => `${String(parameter['in'])} ${String(parameter['name']).toLowerCase()}`;
  const known = new Map(list(was['parameters']).map((one) => [key(object(one)), object(one)]));
  const present = new Map(list(is['parameters']).map((one) => [key(object(one)), object(one)]));
  for (const [name, parameter] of known) {
    const now = present.get(name);
    if (now === undefined) found.push(`${name} is no longer read`);
    else
      found.push(
        ...differences(parameter['schema'], now['schema'], { from: sides.was, to: sides.is, at: name }),
      );
  }
  for (const [name, parameter] of present) {
    if (parameter['required'] === true && known.get(name)?.['required'] !== true)
      found.push(`${name} is now required`);
  }
  const [before, now] = [object(was['requestBody']), object(is['requestBody'])];
  if (now['required'] === true && before['required'] !== true) found.push('a body is now required');
  for (const [type, media] of Object.entries(object(before['content']))) {
    const taken = object(now['content'])[type];
    if (taken === undefined) found.push(`no longer takes ${type}`);
    else {
      const route = { from: sides.was, to: sides.is, at: 'body', mustBeRead: true };
      found.push(...differences(object(media)['schema'], object(taken)['schema'], route));
    }
  }
  return found;
}

function brokenOutput(was: Json, is: Json, sides: Sides): string[] {
  return Object.entries(object(was['responses'])).flatMap(([status, response]) => {
    if (!status.startsWith('2')) return [];
    const before = sides.was.resolve(response);
    const answered = object(is['responses'])[status];
    if (answered === undefined) return [`no longer answers ${status}`];
    const now = sides.is.resolve(answered);
    return Object.entries(object(before['content'])).flatMap(([type, media]) => {
      const given = object(now['content'])[type];
      if (given === undefined) return [`no longer answers ${type}`];
      // The other way round: what is answered now must be a value of what clients know.
      const route = { from: sides.is, to: sides.was, at: 'answer' };
      return differences(object(given)['schema'], object(media)['schema'], route);
    });
  });
}

/** Follows `$ref` inside one document. */
class Reader {
  readonly #document: Json;
  constructor(document: Json) {
    this.#document = document;
  }
  resolve(value: unknown): Json {
    const seen = object(value);
    const target = seen['$ref'];
    if (typeof target !== 'string') return seen;
    let place: unknown = this.#document;
    for (const step of target.replace(/^#\//, '').split('/')) place = object(place)[step];
    return this.resolve(place);
  }
}

interface Way {
  readonly from: Reader;
  readonly to: Reader;
  /** Where we are, for the sentence. */
  readonly at: string;
  /** A field of `from` that `to` does not have is a difference: somebody sends it and nobody reads it any more. */
  readonly mustBeRead?: boolean;
}

/** Why a value of `from` may be none of `to`. */
function differences(from: unknown, to: unknown, way: Way): string[] {
  const [a, b] = [way.from.resolve(from), way.to.resolve(to)];
  const choices = list(a['anyOf'] ?? a['oneOf']);
  if (choices.length > 0) return choices.flatMap((choice) => differences(choice, b, way));
  const allowed = list(b['anyOf'] ?? b['oneOf']);
  if (allowed.length > 0) {
    const tries = allowed.map((choice) => differences(a, choice, way));
    return tries.some((found) => found.length === 0) ? [] : (tries[0] ?? []);
  }
  return [...ofValues(a, b, way.at), ...ofBounds(a, b, way.at), ...ofFields(a, b, way)];
}

function ofValues(a: Json, b: Json, at: string): string[] {
  const valuesOf = (schema: Json) => ('const' in schema ? [schema['const']] : list(schema['enum']));
  const [mine, theirs] = [valuesOf(a), valuesOf(b)];
  if (theirs.length > 0) {
    if (mine.length === 0) return [`${at}: any value instead of ${theirs.join(', ')}`];
    const strange = mine.filter((value) => !theirs.includes(value));
    if (strange.length > 0) return [`${at}: ${strange.join(', ')} not known on the other side`];
  }
  const typesOf = (schema: Json) =>
    typeof schema['type'] === 'string' ? [schema['type']] : words(schema['type']);
  const taken = typesOf(b);
  if (taken.length === 0) return [];
  const kinds = typesOf(a);
  if (kinds.length === 0) return mine.length > 0 ? [] : [`${at}: anything instead of ${taken.join(' or ')}`];
  const fits = (kind: string) => taken.includes(kind) || (kind === 'integer' && taken.includes('number'));
  return kinds.filter((kind) => !fits(kind)).map((kind) => `${at}: ${kind} instead of ${taken.join(' or ')}`);
}

const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'];
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'];

function ofBounds(a: Json, b: Json, at: string): string[] {
  const found: string[] = [];
  for (const name of ['pattern', 'format']) {
    if (b[name] !== undefined && a[name] !== b[name]) found.push(`${at}: ${name} differs`);
  }
  for (const name of [...UPPER, ...LOWER]) {
    const [mine, theirs] = [a[name], b[name]];
    if (typeof theirs !== 'number') continue;
    const fits = typeof mine === 'number' && (UPPER.includes(name) ? mine <= theirs : mine >= theirs);
    if (!fits) found.push(`${at}: ${name} differs`);
  }
  return found;
}

function ofFields(a: Json, b: Json, way: Way): string[] {
  const found: string[] = [];
  const [mine, theirs] = [object(a['properties']), object(b['properties'])];
  for (const name of words(b['required'])) {
    if (!words(a['required']).includes(name)) found.push(`${way.at}.${name}: may be missing`);
  }
  for (const [name, schema] of Object.entries(mine)) {
    const other = theirs[name];
    const inside = { ...way, at: `${way.at}.${name}` };
    if (other !== undefined) found.push(...differences(schema, other, inside));
    else if (b['additionalProperties'] === false) found.push(`${inside.at}: is refused`);
    else if (way.mustBeRead === true && typeof b['additionalProperties'] !== 'object')
      found.push(`${inside.at}: is no longer read`);
  }
  if (b['items'] !== undefined) {
    found.push(...differences(a['items'] ?? {}, b['items'], { ...way, at: `${way.at}[]` }));
  }
  const [rest, restOfB] = [a['additionalProperties'], b['additionalProperties']];
  if (typeof rest === 'object' && typeof restOfB === 'object') {
    found.push(...differences(rest, restOfB, { ...way, at: `${way.at}.*` }));
  }
  return found;
}
