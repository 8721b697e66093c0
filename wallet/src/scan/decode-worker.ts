/** Reads QR codes out of camera frames, beside the screen's thread. The decoder is our own file, never a CDN's. */
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url';
import { DECODER_OPTIONS } from './decoder-options.ts';

prepareZXingModule({
  overrides: {
    locateFile: (path: string, prefix: string) => (path.endsWith('.wasm') ? wasmUrl : prefix + path),
  },
});

export interface DecodeRequest {
  readonly id: number;
  readonly frame: ImageData;
}
export interface DecodeAnswer {
  readonly id: number;
  readonly texts: readonly string[];
}

async function decode({ id, frame }: DecodeRequest): Promise<void> {
  const results = await readBarcodes(frame, DECODER_OPTIONS);
  const answer: DecodeAnswer = { id, texts: results.filter((one) => one.isValid).map((one) => one.text) };
  postMessage(answer);
}

addEventListener('message', (event: MessageEvent<DecodeRequest>) => {
  void decode(event.data);
});
