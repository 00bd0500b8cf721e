/**
 * Signals during the creation of a file: Ctrl-C, SIGTERM and SIGHUP end the work with an error, so
 * that its owner removes the unfinished file.
 *
 * The work is synchronous, so its thread receives no signals meanwhile. A worker listens instead:
 * it records the signal in shared memory, which the work checks whenever it reads or writes a
 * block, and it reads standard input for the work, which can then wait for either. Work that runs
 * in slices uses an `AbortSignal`.
 *
 * A second signal of the same kind has its default effect and ends the process at once.
 */

import { Interrupted, type SignalName, SIGNALS } from "./exit.ts";
import type { ByteSource } from "./lines.ts";
import type { Sink } from "./output.ts";

const BLOCK_BYTES = 256 * 1024;
/** The words of shared memory. */
const WORDS = {
  /** Incremented by every event; the work waits on it. */
  events: 0,
  /** 1 once the worker listens. */
  ready: 1,
  /** The 1-based index of a signal in `SIGNALS`; 0 = none. */
  signal: 2,
  /** 1 once standard input has been read. */
  block: 3,
  /** The number of bytes read; -1 = end of input, -2 = failure. */
  length: 4,
} as const;
const AT_END = -1;
const HAS_FAILED = -2;
const WORD_BYTES = 4;

/** The first message to the worker. */
interface Setup {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly block: Uint8Array<SharedArrayBuffer>;
  readonly at: typeof WORDS;
  readonly signals: readonly SignalName[];
}

/** Listens for signals until it is disposed of. */
export class Interruption implements Disposable {
  readonly #worker: Worker;
  readonly #words = new Int32Array(new SharedArrayBuffer(WORD_BYTES * 5));
  readonly #block = new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES));
  readonly #abort = new AbortController();

  /** Starts listening. */
  constructor() {
    // Built from source text, so that a program run by URL need not fetch it.
    const text = `(${listen})()`;
    const url = `data:application/javascript,${encodeURIComponent(text)}`;
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#abort.abort(new Interrupted(data));
    const setup: Setup = { words: this.#words, block: this.#block, at: WORDS, signals: SIGNALS };
    this.#worker.postMessage(setup);
    this.#waitUntil(() => Atomics.load(this.#words, WORDS.ready) !== 0);
  }

  /** Aborted by a signal with the reason `Interrupted`, for asynchronous work. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Throws if a signal has arrived.
   *
   * @throws {Interrupted} A signal has arrived.
   */
  check(): void {
    const place = Atomics.load(this.#words, WORDS.signal);
    if (place > 0) throw new Interrupted(SIGNALS[place - 1]!);
  }

  /** Wraps a source so that a signal ends its reads. */
  reading(source: ByteSource): ByteSource {
    if (source === Deno.stdin) return { readSync: (into) => this.#readInput(into) };
    return {
      readSync: (into) => {
        this.check();
        return source.readSync(into);
      },
    };
  }

  /** Wraps a sink so that a signal ends its writes. */
  writing(sink: Sink): Sink {
    return {
      writeSync: (bytes) => {
        this.check();
        return sink.writeSync(bytes);
      },
    };
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  /** Reads standard input through the worker. */
  #readInput(into: Uint8Array): number | null {
    this.check();
    Atomics.store(this.#words, WORDS.block, 0);
    this.#worker.postMessage(Math.min(into.length, BLOCK_BYTES));
    this.#waitUntil(() => {
      this.check();
      return Atomics.load(this.#words, WORDS.block) !== 0;
    });
    const length = Atomics.load(this.#words, WORDS.length);
    if (length === AT_END) return null;
    // A second attempt throws the error.
    if (length === HAS_FAILED) return Deno.stdin.readSync(into);
    into.set(this.#block.subarray(0, length));
    return length;
  }

  #waitUntil(isSo: () => boolean): void {
    for (;;) {
      const seen = Atomics.load(this.#words, WORDS.events);
      if (isSo()) return;
      Atomics.wait(this.#words, WORDS.events, seen);
    }
  }
}

/** The body of the worker. It is passed as source text, so it uses no outer names. */
function listen(): void {
  const scope = self as unknown as {
    onmessage: (event: MessageEvent<Setup | number>) => void;
    postMessage: (message: unknown) => void;
  };
  let setup: Setup;
  const tell = (word: number, value: number) => {
    Atomics.store(setup.words, word, value);
    Atomics.add(setup.words, setup.at.events, 1);
    Atomics.notify(setup.words, setup.at.events);
  };
  const hear = (name: SignalName, place: number) => {
    const heard = () => {
      Deno.removeSignalListener(name, heard);
      tell(setup.at.signal, place);
      scope.postMessage(name);
    };
    try {
      Deno.addSignalListener(name, heard);
    } catch {
      // The system has no such signal.
    }
  };
  const read = async (most: number) => {
    const bytes = new Uint8Array(most);
    const length = await Deno.stdin.read(bytes).catch(() => -2) ?? -1;
    setup.block.set(bytes);
    Atomics.store(setup.words, setup.at.length, length);
    tell(setup.at.block, 1);
  };
  scope.onmessage = ({ data }) => {
    if (typeof data === "number") return void read(data);
    setup = data;
    data.signals.forEach((name, index) => hear(name, index + 1));
    tell(setup.at.ready, 1);
  };
}
