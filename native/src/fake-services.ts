// What a fake supplicant knows of services: it keeps offers and answers questions as a real one does, byte for byte.

type Offer =
  | { readonly protocol: 'bonjour'; readonly query: string; readonly data: string }
  | { readonly protocol: 'upnp'; readonly version: string; readonly name: string };

const SUCCESS = '00';
const NOT_AVAILABLE = '02';

export class FakeServices {
  readonly #offers = new Map<string, Offer>();

  /** `bonjour QUERY DATA` or `upnp VERSION NAME`; false when it is neither. */
  add(words: string): boolean {
    const offer = readOffer(words);
    if (offer !== undefined) this.#offers.set(words, offer);
    return offer !== undefined;
  }

  /** `bonjour QUERY` takes all answers to it back. */
  remove(words: string): boolean {
    const before = this.#offers.size;
    for (const key of this.#offers.keys()) {
      if (key === words || (words.startsWith('bonjour ') && key.startsWith(`${words} `)))
        this.#offers.delete(key);
    }
    return this.#offers.size < before;
  }

  /** The answer to a question as `P2P_SERV_DISC_REQ` takes it, in hexadecimal. */
  answer(question: string): string {
    const [protocol, version = '', target = ''] = question.split(' ');
    if (protocol === 'upnp') return this.#answerUpnp(version, target);
    const [, transaction = '00', query = ''] =
      /^[0-9a-f]{4}01([0-9a-f]{2})([0-9a-f]*)$/i.exec(question) ?? [];
    const answers = [...this.#offers.values()].flatMap((offer) =>
      offer.protocol === 'bonjour' && offer.query === query.toLowerCase() ? [offer.query + offer.data] : [],
    );
    if (answers.length === 0) return tlv('01', transaction, NOT_AVAILABLE, '');
    return answers.map((data) => tlv('01', transaction, SUCCESS, data)).join('');
  }

  #answerUpnp(version: string, target: string): string {
    const names = [...this.#offers.values()].flatMap((offer) =>
      offer.protocol === 'upnp' && (target === 'ssdp:all' || offer.name.includes(target)) ? [offer.name] : [],
    );
    if (names.length === 0) return tlv('02', '01', NOT_AVAILABLE, '');
    return tlv('02', '01', SUCCESS, version + Buffer.from(names.join(',')).toString('hex'));
  }
}

function readOffer(words: string): Offer | undefined {
  const [, query, data] = /^bonjour ([0-9a-f]+) ([0-9a-f]+)$/i.exec(words) ?? [];
  if (query !== undefined && data !== undefined) return { protocol: 'bonjour', query, data };
  const [, version, name] = /^upnp ([0-9a-f]{2}) (\S+)$/i.exec(words) ?? [];
  return version === undefined || name === undefined ? undefined : { protocol: 'upnp', version, name };
}

/** Length (little endian, of what follows), protocol, transaction, status, data. */
function tlv(protocol: string, transaction: string, status: string, data: string): string {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(3 + data.length / 2);
  return length.toString('hex') + protocol + transaction + status + data;
}
