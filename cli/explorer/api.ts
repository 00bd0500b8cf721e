/**
 * The queries that the explorer's server answers, each with its parameters.
 */

import type { Inspector } from "../../inspect.ts";
import { cacheInfo } from "./info/cache_info.ts";
import { descentInfo } from "./info/descent_info.ts";
import { chunkInfo, fileInfo } from "./info/file_info.ts";
import { journalInfo } from "./info/journal_info.ts";
import { measureReads } from "./info/measure.ts";
import { pageInfo } from "./info/page_info.ts";
import { sqlInfo } from "./info/sql_info.ts";
import { CHAPTER_IDS, studyInfo } from "./info/study_info.ts";
import { TILE_SHIFT_MAX, TILES_MAX, tileStrip } from "./info/tiles.ts";
import { KEY_FORMS } from "./info/words.ts";
import { Parameters } from "./parameters.ts";
import { RefusedError } from "./refusal.ts";
import type { Source } from "./source.ts";

const PAGES_END = 2 ** 32;
const CHUNKS_END = 2 ** 24;
/** Hits are counted until no request has arrived for this long. */
const COUNTING_MS = 10_000;

/** A query: its parameters, and the function that answers it, at once or later. */
interface Question {
  readonly names: readonly string[];
  readonly answer: (parameters: Parameters) => unknown;
}

/** Answers queries about a file. */
export class Api {
  readonly #source: Source;
  readonly #questions: ReadonlyMap<string, Question>;
  #counting: ReturnType<typeof setTimeout> | undefined;

  /**
   * Creates the API of a file.
   *
   * @param source The file.
   */
  constructor(source: Source) {
    this.#source = source;
    this.#questions = new Map(Object.entries(this.#makeQuestions()));
  }

  /** Whether a path names a query. */
  has(path: string): boolean {
    return this.#questions.has(path);
  }

  /**
   * Answers a query; some answers are promises.
   *
   * @throws {RefusedError} A parameter is invalid, or its subject does not exist.
   */
  answer(path: string, search: URLSearchParams): unknown {
    const question = this.#questions.get(path);
    if (question === undefined) throw new RefusedError(404, "Cannot answer: no such query");
    return question.answer(new Parameters(search, question.names));
  }

  #makeQuestions(): Record<string, Question> {
    const source = this.#source;
    return {
      "/api/file": { names: [], answer: () => fileInfo(source) },
      "/api/tiles": {
        names: ["from", "shift", "count"],
        answer: (given) => {
          const from = given.number("from", 0, PAGES_END - 1);
          const shift = given.number("shift", 0, TILE_SHIFT_MAX);
          return tileStrip(source.inspection, from, shift, given.number("count", 1, TILES_MAX));
        },
      },
      "/api/chunk": {
        names: ["chunk"],
        answer: (given) => chunkInfo(source, given.number("chunk", 0, CHUNKS_END - 1)),
      },
      "/api/page": {
        names: ["page"],
        answer: (given) => pageInfo(source, given.number("page", 0, PAGES_END - 1)),
      },
      "/api/descent": {
        names: ["tree", "key", "form"],
        answer: (given) => {
          const form = given.word("form", KEY_FORMS);
          return descentInfo(source, given.text("tree"), given.text("key"), form);
        },
      },
      "/api/cache": {
        names: [],
        answer: () => cacheInfo(this.#countHits(this.#database("see its cache").inspector).cache()),
      },
      "/api/journal": {
        names: [],
        answer: () => {
          const { database, inspector } = this.#database("see its journal");
          return journalInfo(database, inspector);
        },
      },
      "/api/sql": { names: ["text"], answer: (given) => sqlInfo(source, given.text("text")) },
      "/api/measure": { names: [], answer: () => measureReads(source.path) },
      "/api/study": {
        names: ["chapter"],
        answer: (given) => studyInfo(source.path, given.word("chapter", CHAPTER_IDS)),
      },
    };
  }

  #database(action: string) {
    const { database, inspector } = this.#source;
    if (database !== undefined && inspector !== undefined) return { database, inspector };
    throw new RefusedError(409, `Cannot ${action}: another process has the file locked`);
  }

  /** Counts hits and misses while a client requests them. */
  #countHits(inspector: Inspector): Inspector {
    if (this.#counting === undefined) inspector.trace(true);
    clearTimeout(this.#counting);
    this.#counting = setTimeout(() => this.stop(), COUNTING_MS);
    return inspector;
  }

  /** Stops counting. */
  stop(): void {
    if (this.#counting === undefined) return;
    clearTimeout(this.#counting);
    this.#counting = undefined;
    try {
      this.#source.inspector?.trace(false);
    } catch {
      // The database was closed, which also ended the counting.
    }
  }
}
