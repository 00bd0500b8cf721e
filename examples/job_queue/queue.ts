/**
 * A queue of jobs that outlives its process, whatever ends it.
 *
 * A job is in one of five trees, and every step moves it from one to another in one transaction:
 *
 *     waiting --claim--> claimed --done--> done
 *        ^                  |
 *        |                  +--the lease expires, or it failed--> resting, or dead
 *        +------------------------- its time has come <--------------+
 *
 * - No job is lost: no transaction removes it from one tree without adding it to another.
 * - No job is done twice: only the claim that has it can do it, and a claim ends with its lease.
 *
 * What a worker does outside of the database, before it says that it is done, may happen again
 * after a crash: that part of a job should bear repeating.
 */

import { type Database, json, string, type Transaction, type Tree, tuple } from "../../mod.ts";

/** Something to do. */
export interface Job {
  /** Its number, never used again. */
  readonly id: number;
  /** Lower ones come first. */
  readonly priority: number;
  /** What to do. */
  readonly task: string;
  /** How often it was claimed. */
  readonly attempts: number;
  /** Why it failed the last time. */
  readonly reason?: string;
}

/** A job that a worker has, until the lease ends. */
export interface Claim {
  /** The job. */
  readonly job: Job;
  /** When the lease ends, in milliseconds since 1970. */
  readonly expires: number;
}

/** How many jobs there are in each state. */
export type Counts = Readonly<Record<"waiting" | "claimed" | "resting" | "done" | "dead", number>>;

/** How a queue works. */
export interface QueueOptions {
  /** How long a worker may keep a job, in milliseconds. Default 30 s. */
  readonly leaseMs?: number;
  /** How long a job rests that failed, in milliseconds, times its attempts. Default 1 s. */
  readonly restMs?: number;
  /** How often a job is tried before it is dead. Default 3. */
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

  /** Adds jobs, all or none; their numbers. They are on disk when it resolves. */
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

  /** Takes the job that comes first, or undefined when there is none to take now. */
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

  /** Ends a job with a result; false when the lease had ended, and nothing has changed. */
  done(claim: Claim, result: string): Promise<boolean> {
    return this.#db.write((tx) => {
      if (!this.#release(tx, claim)) return false;
      tx.tree(this.#done).set([claim.job.id], { job: claim.job, result });
      return true;
    });
  }

  /** Gives a job back that failed; false when the lease had ended, and nothing has changed. */
  retry(claim: Claim, reason: string): Promise<boolean> {
    return this.#db.write((tx) => {
      if (!this.#release(tx, claim)) return false;
      this.#rest(tx, { ...claim.job, reason }, this.#options.now());
      return true;
    });
  }

  /** How many jobs there are in each state, all at one moment. */
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

  /** The jobs that were tried too often, by their numbers. */
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
    // A clock that was set back may give two claims of one job the same end.
    if (claimed.get([expires, job.id])?.attempts !== job.attempts) return false;
    if (expires <= this.#options.now()) return false;
    return claimed.delete([expires, job.id]);
  }

  /** Lets jobs that failed rest for a while, or for ever. */
  #rest(tx: Transaction, job: Job, now: number): void {
    const { attemptsMax, restMs } = this.#options;
    if (job.attempts >= attemptsMax) tx.tree(this.#dead).set([job.id], job);
    else tx.tree(this.#resting).set([now + restMs * job.attempts, job.id], job);
  }

  /** Moves on the jobs whose time has come. */
  #wake(tx: Transaction, now: number): void {
    for (const job of takeDue(tx, this.#claimed, now)) {
      this.#rest(tx, { ...job, reason: "the lease expired" }, now);
    }
    for (const job of takeDue(tx, this.#resting, now)) {
      tx.tree(this.#waiting).set([job.priority, now, job.id], job);
    }
  }
}

/** Removes the jobs whose time is not after a moment. */
function takeDue(tx: Transaction, timed: Timed, now: number): Job[] {
  const tree = tx.tree(timed);
  const due = { lte: [now, Infinity] } as const;
  const jobs = tree.values(due).toArray();
  tree.deleteRange(due);
  return jobs;
}
