/**
 * A queue of jobs that survives the end of its process, even by a crash.
 *
 * A job is in one of five trees, and every step moves it from one to another in one transaction:
 *
 *     waiting --claim--> claimed --done--> done
 *        ^                  |
 *        |                  +--the lease expires, or it failed--> resting, or dead
 *        +------------------------- its time has come <--------------+
 *
 * - No job is lost: no transaction removes it from one tree without adding it to another.
 * - No job is done twice: only its current claim can finish it, and a claim ends with its lease.
 *
 * A crash may repeat the work that a job does outside of the database before `done`: that work
 * should be idempotent.
 */

import { type Database, json, string, type Transaction, type Tree, tuple } from "../../mod.ts";

/** A job. */
export interface Job {
  /** Its number, never used again. */
  readonly id: number;
  /** Its priority; lower ones come first. */
  readonly priority: number;
  /** What to do. */
  readonly task: string;
  /** The number of times it was claimed. */
  readonly attempts: number;
  /** The reason of its last failure. */
  readonly reason?: string;
}

/** A job that a worker holds until its lease ends. */
export interface Claim {
  /** The job. */
  readonly job: Job;
  /** When the lease ends, in milliseconds since 1970. */
  readonly expires: number;
}

/** The number of jobs in each state. */
export type Counts = Readonly<Record<"waiting" | "claimed" | "resting" | "done" | "dead", number>>;

/** Options of a queue. */
export interface QueueOptions {
  /** How long a worker may keep a job, in milliseconds. Default 30 s. */
  readonly leaseMs?: number;
  /** How long a failed job rests, in milliseconds, multiplied by its attempts. Default 1 s. */
  readonly restMs?: number;
  /** The number of attempts after which a job is dead. Default 3. */
  readonly attemptsMax?: number;
  /** The time, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

/** Jobs that sort by a time. */
type Timed = Tree<[ms: number, id: number], Job, readonly [ms: number, id: number]>;

const job = json.as<Job>();
const byTime = tuple.as<[ms: number, id: number]>();
const byPriority = tuple.as<[priority: number, ms: number, id: number]>();
const byId = tuple.as<[id: number]>();

/** A queue in a database. */
export class JobQueue {
  readonly #db: Database;
  readonly #options: Required<QueueOptions>;
  readonly #ids;
  readonly #waiting;
  readonly #claimed;
  readonly #resting;
  readonly #done;
  readonly #dead;

  /** The queue of a database, which is empty at first. */
  constructor(db: Database, options: QueueOptions = {}) {
    this.#db = db;
    this.#options = { leaseMs: 30_000, restMs: 1000, attemptsMax: 3, now: Date.now, ...options };
    this.#ids = db.tree("ids", { key: string, value: json.as<number>() });
    this.#waiting = db.tree("waiting", { key: byPriority, value: job });
    this.#claimed = db.tree("claimed", { key: byTime, value: job });
    this.#resting = db.tree("resting", { key: byTime, value: job });
    this.#done = db.tree("done", { key: byId, value: json.as<{ job: Job; result: string }>() });
    this.#dead = db.tree("dead", { key: byId, value: job });
  }

  /** Adds jobs, all or none; resolves to their numbers when they are on disk. */
  enqueue(tasks: readonly string[], priority = 0): Promise<number[]> {
    return this.#db.write((tx) => {
      const now = this.#options.now();
      return tasks.map((task) => {
        const id = tx.tree(this.#ids).update("job", (last) => (last ?? 0) + 1);
        tx.tree(this.#waiting).set([priority, now, id], { id, priority, task, attempts: 0 });
        return id;
      });
    });
  }

  /** Claims the first job; resolves to undefined if none can be claimed now. */
  claim(): Promise<Claim | undefined> {
    return this.#db.write((tx) => {
      const now = this.#options.now();
      this.#wake(tx, now);
      const first = tx.tree(this.#waiting).first();
      if (first === undefined) return undefined;
      const [key, { attempts, ...rest }] = first;
      const claim = {
        job: { ...rest, attempts: attempts + 1 },
        expires: now + this.#options.leaseMs,
      };
      tx.tree(this.#waiting).delete(key);
      tx.tree(this.#claimed).set([claim.expires, rest.id], claim.job);
      return claim;
    });
  }

  /** Ends a job with a result; false, and no change, if the lease has ended. */
  done(claim: Claim, result: string): Promise<boolean> {
    return this.#db.write((tx) => {
      if (!this.#release(tx, claim)) return false;
      tx.tree(this.#done).set([claim.job.id], { job: claim.job, result });
      return true;
    });
  }

  /** Returns a failed job to the queue; false, and no change, if the lease has ended. */
  retry(claim: Claim, reason: string): Promise<boolean> {
    return this.#db.write((tx) => {
      if (!this.#release(tx, claim)) return false;
      this.#rest(tx, { ...claim.job, reason }, this.#options.now());
      return true;
    });
  }

  /** The number of jobs in each state, in one snapshot. */
  counts(): Counts {
    using snapshot = this.#db.snapshot();
    return {
      waiting: snapshot.tree(this.#waiting).count(),
      claimed: snapshot.tree(this.#claimed).count(),
      resting: snapshot.tree(this.#resting).count(),
      done: snapshot.tree(this.#done).count(),
      dead: snapshot.tree(this.#dead).count(),
    };
  }

  /** The jobs that failed too often, by number. */
  deadLetters(): Job[] {
    return this.#dead.values().toArray();
  }

  /** The result of a job that is done. */
  resultOf(id: number): string | undefined {
    return this.#done.get([id])?.result;
  }

  /** Ends a claim, if it still has its job. */
  #release(tx: Transaction, { job, expires }: Claim): boolean {
    const claimed = tx.tree(this.#claimed);
    // If the clock was set back, two claims of one job may end at the same time.
    if (claimed.get([expires, job.id])?.attempts !== job.attempts) return false;
    if (expires <= this.#options.now()) return false;
    return claimed.delete([expires, job.id]);
  }

  /** Moves a failed job to the resting ones, or after too many attempts to the dead ones. */
  #rest(tx: Transaction, job: Job, now: number): void {
    const { attemptsMax, restMs } = this.#options;
    if (job.attempts >= attemptsMax) tx.tree(this.#dead).set([job.id], job);
    else tx.tree(this.#resting).set([now + restMs * job.attempts, job.id], job);
  }

  /** Moves the jobs whose time has come. */
  #wake(tx: Transaction, now: number): void {
    for (const job of takeDue(tx, this.#claimed, now)) {
      this.#rest(tx, { ...job, reason: "the lease expired" }, now);
    }
    for (const job of takeDue(tx, this.#resting, now)) {
      tx.tree(this.#waiting).set([job.priority, now, job.id], job);
    }
  }
}

/** Removes the jobs whose time is at or before `now`, and returns them. */
function takeDue(tx: Transaction, timed: Timed, now: number): Job[] {
  const tree = tx.tree(timed);
  const due = { lte: [now, Infinity] } as const;
  const jobs = tree.values(due).toArray();
  tree.deleteRange(due);
  return jobs;
}
