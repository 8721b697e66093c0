/** Reads QR codes out of camera frames, beside the screen's thread. The decoder is a file of this app's own. */
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url';
import { DECODER_OPTIONS } from './decoder-options.ts';

prepareZXingModule({
  overrides: {
    locateFile: (path: string, prefix: string) => (path.endsWith('.wasm') ? wasmUrl : prefix + path),
  },
});

export type DecodeRequest = ImageData;
/** Texts in the order in which the decoder found them; the next frame may come. */
export type DecodeAnswer = readonly string[];

async function decode(frame: ImageData): Promise<void> {
  const results = await readBarcodes(frame, DECODER_OPTIONS);
  const answer: DecodeAnswer = results.filter((one) => one.isValid).map((one) => one.text);
  postMessage(answer);
}

addEventListener('message', (event: MessageEvent<DecodeRequest>) => {
  void decode(event.data);
});
