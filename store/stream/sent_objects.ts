/**
 * The sending end of a stream of objects: a store whose objects go into a `ReadableStream`, one
 * whenever its reader asks for more. An object that is not asked for waits at its `put`, so nothing
 * gathers here.
 */

import type { ArchiveStore } from "../archive/archive_store.ts";
import { encodeObject, encodeStreamHead } from "./stream_format.ts";

/** A store whose objects go into a stream. */
export class SentObjects implements ArchiveStore {
  /** The stream. */
  readonly stream: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #hasBegun = false;
  /** Resolves when the reader asks for more. */
  #asked = Promise.withResolvers<void>();

  /**
   * Creates a stream.
   *
   * @param cancelled Is called when its reader cancels it.
   */
  constructor(cancelled: (reason: unknown) => void) {
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#asked.resolve(),
      cancel: (reason) => {
        this.#controller = undefined;
        cancelled(reason);
      },
    };
    this.stream = new ReadableStream(source, { highWaterMark: 0 });
  }

  /** Hands out an object when the reader asks for it. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.#asked.promise;
    this.#asked = Promise.withResolvers();
    if (!this.#hasBegun) this.#controller?.enqueue(encodeStreamHead());
    this.#hasBegun = true;
    this.#controller?.enqueue(encodeObject(name, bytes));
  }

  get(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  list(): Promise<string[]> {
    return Promise.resolve([]);
  }

  delete(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends the stream, with an error if there is one. A second call does nothing. */
  end(failure: unknown): void {
    const controller = this.#controller;
    this.#controller = undefined;
    if (failure === undefined) controller?.close();
    else controller?.error(failure);
  }
}
