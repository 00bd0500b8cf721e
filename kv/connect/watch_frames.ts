/**
 * The body of a watch: frames, each a length (4 bytes, the least significant first) and a message
 * with the states of all keys. A frame of length 0 from time to time shows both sides that
 * the connection lives.
 */

import { clearInterval, setInterval } from "node:timers";
import type { KvStore } from "../store.ts";
import { type KeyState, type WatchStream, watchStream } from "../watch_stream.ts";
import { PACKET_BYTES_MAX } from "./limits.ts";
import type { RequestMemory } from "./memory_budget.ts";
import { encodeWatchOutput, type WireEntry } from "./messages.ts";
import { readKeys } from "./reads.ts";
import { RefusedError } from "./refusal.ts";

const PING_MS = 5000;
const PING = new Uint8Array(4);
/** The state of a key. */
interface WireState extends KeyState {
  readonly entry: WireEntry | undefined;
}

/** A watch that is open. */
export interface OpenWatch {
  /** The body of the response. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Ends it. */
  close(): void;
}

/**
 * Opens a watch.
 *
 * @param keys The keys, which it keeps.
 * @param memory Takes the frame that the client has not read yet.
 * @param ended Called when it is over, however it ends.
 */
export function openWatch(
  store: KvStore,
  keys: readonly Uint8Array[],
  memory: RequestMemory,
  ended: () => void,
): OpenWatch {
  const states: WatchStream<WireState> = watchStream({
    keys,
    raw: false,
    read: () => readKeys(store, keys).map(stateOf),
    follow: (key, changed, over) => store.watch(key, changed, over),
    // A state is read when its frame is wanted.
    queued: 0,
  }, ended);
  const source = new FrameSource(states.stream, memory);
  return { body: new ReadableStream(source), close: states.close };
}

function stateOf(entry: WireEntry | undefined): WireState {
  return { versionstamp: entry === undefined ? null : entry.versionstamp.toHex(), entry };
}

/** Turns states into frames. */
class FrameSource implements UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> {
  readonly #reader: ReadableStreamDefaultReader<WireState[]>;
  readonly #memory: RequestMemory;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(states: ReadableStream<WireState[]>, memory: RequestMemory) {
    this.#reader = states.getReader();
    this.#memory = memory;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#timer = setInterval(() => {
      // A client that does not read gets no pings, so that they do not pile up.
      if ((controller.desiredSize ?? 0) > 0) controller.enqueue(PING);
    }, PING_MS);
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): Promise<void> {
    // The frame before is read.
    this.#memory.release();
    try {
      const { value: states } = await this.#reader.read();
      if (states !== undefined) {
        const frame = frameOf(states);
        this.#memory.take(frame.length);
        return controller.enqueue(frame);
      }
      this.#stop();
      controller.close();
    } catch (error) {
      await this.cancel();
      throw error;
    }
  }

  async cancel(): Promise<void> {
    this.#stop();
    await this.#reader.cancel().catch(() => {});
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#memory.release();
  }
}

function frameOf(states: readonly WireState[]): Uint8Array<ArrayBuffer> {
  const message = encodeWatchOutput(states.map(({ entry }) => entry));
  if (message.length > PACKET_BYTES_MAX) {
    throw new RefusedError(413, `The values have more than ${PACKET_BYTES_MAX} bytes`);
  }
  const frame = new Uint8Array(PING.length + message.length);
  new DataView(frame.buffer).setUint32(0, message.length, true);
  frame.set(message, PING.length);
  return frame;
}
