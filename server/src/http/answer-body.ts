/**
 * An answer's body, made of frames as they are asked for.
 *
 * Owns: that such a body ends once, whichever comes first: its last frame, or a reader who goes away while one is being made.
 * Never: makes a frame before somebody takes it - a reader who is slow holds the maker back.
 */
export interface BodyEnd<How> {
  /** Once for each body. */
  readonly onEnd: (how: How) => void;
  /** How it ended when its reader went away first. */
  readonly cut: How;
}

export function bodyOf<How>(
  frames: AsyncGenerator<Uint8Array, How, void>,
  { onEnd, cut }: BodyEnd<How>,
): ReadableStream<Uint8Array> {
  let hasEnded = false;
  let hasReader = true;
  const end = (how: How) => {
    if (hasEnded) return;
    hasEnded = true;
    onEnd(how);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await frames.next();
          if (done) end(value);
          if (!hasReader) return;
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          end(cut);
          throw error;
        }
      },
      async cancel() {
        hasReader = false;
        // What is being made is made to its end all the same, and may say how it ended.
        await frames.return(cut).finally(() => end(cut));
      },
    },
    { highWaterMark: 0 },
  );
}
